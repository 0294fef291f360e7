"""SSH signatures (SSHSIG, PROTOCOL.sshsig of OpenSSH), made and checked by ssh-keygen."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from wisedb.errors import SigningFailed
from wisedb.signing.tools import call
from wisedb.signing.verdict import SSH, SSH_BEGINS, Trust, Verdict

NAMESPACE: Final = "wisedb"
"""What the signatures are for: one that was made for git or a file doesn't count here, nor the other way round."""

_KEY_TYPES: Final = ("ssh-", "ecdsa-", "sk-")
_GOOD: Final = re.compile(r"with (\S+) key (SHA256:\S+)")


def sign(payload: bytes, key: str, program: str) -> str:
    """Sign bytes by an SSH key.

    Args:
        payload: what is signed.
        key: a file of a private key, or of a public one whose private one an agent has; or a public key itself, as
            ``ssh-ed25519 AAAA…`` or ``key::…``.
        program: ssh-keygen.

    Raises:
        SigningFailed: the program can't sign; the message is its last line.
    """
    literal = key.removeprefix("key::")
    with tempfile.TemporaryDirectory() as folder:
        if key.startswith(("key::", *_KEY_TYPES)):
            file = Path(folder) / "key.pub"
            file.write_text(literal + "\n", encoding="utf-8")
            chosen: list[str | Path] = ["-U", "-f", file]
        else:
            chosen = ["-f", Path(key).expanduser()]
        said = call([program, "-Y", "sign", "-n", NAMESPACE, *chosen], payload)
    signature = said.out.decode(errors="replace")
    if said.code or not signature.startswith(SSH_BEGINS):
        raise SigningFailed(
            f"{program} did not sign: {said.last_line}",
            hint="`wisedb config user.signingkey` names the key: a file, or a public key that the agent has.",
        )
    return signature


def verify(payload: bytes, signature: str, trust: Trust, date: str) -> Verdict:
    """Check a signature against the allowed signers, as they were at a date.

    Args:
        payload: what was signed.
        signature: it.
        trust: whose signatures count.
        date: when it was made, ISO 8601: keys count from and until when the file of allowed signers says.

    Raises:
        SigningFailed: there is no ssh-keygen.
    """
    key = fingerprint(signature)
    if trust.signers is None:
        detail = "nobody vouches for this key: no file of allowed signers is set"
        return Verdict(True, False, SSH, None, key, detail)
    if not trust.signers.is_file():
        return Verdict(True, False, SSH, None, key, f"there is no file of allowed signers {trust.signers}")
    at = datetime.fromisoformat(date).astimezone(UTC).strftime("%Y%m%d%H%M%S")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "signature"
        file.write_text(signature, encoding="utf-8")
        rest: list[str | Path] = ["-f", trust.signers, "-s", file, f"-Overify-time={at}"]
        found = call([trust.ssh, "-Y", "find-principals", *rest], b"")
        principals = [line for line in found.out.decode(errors="replace").splitlines() if line]
        if found.code or not principals:
            return Verdict(True, False, SSH, None, key, "the key is none of an allowed signer at that time")
        if trust.revoked is not None:
            rest += ["-r", trust.revoked]
        for principal in principals:
            said = call([trust.ssh, "-Y", "verify", "-n", NAMESPACE, "-I", principal, *rest], payload)
            good = _GOOD.search(said.out.decode(errors="replace"))
            if not said.code and good:
                return Verdict(True, True, SSH, principal, good[2], f"good {good[1]} signature")
    return Verdict(True, False, SSH, None, key, f"the signature doesn't fit: {said.last_line}")


def fingerprint(signature: str) -> str | None:
    """``SHA256:…`` of the public key that an SSH signature carries; nothing is checked. ``None`` of what is none."""
    try:
        body = base64.b64decode("".join(signature.strip().splitlines()[1:-1]), validate=True)
        if body[:6] != b"SSHSIG":
            return None
        length = int.from_bytes(body[10:14], "big")
        public = body[14 : 14 + length]
        if not length or len(public) != length:
            return None
    except (ValueError, binascii.Error):
        return None
    return "SHA256:" + base64.b64encode(hashlib.sha256(public).digest()).decode().rstrip("=")
