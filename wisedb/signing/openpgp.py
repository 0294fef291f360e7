"""OpenPGP signatures (RFC 9580, detached and armoured), made and checked by gpg."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from wisedb.errors import SigningFailed
from wisedb.signing.tools import call
from wisedb.signing.verdict import OPENPGP, PGP_BEGINS, Trust, Verdict

_STATUS: Final = "[GNUPG:] "
# What gpg says of signatures that don't count, in doc/DETAILS of GnuPG.
_BAD: Final = {
    "BADSIG": "the signature doesn't fit",
    "EXPSIG": "the signature has expired",
    "EXPKEYSIG": "the key has expired",
    "REVKEYSIG": "the key was revoked",
    "ERRSIG": "the signature can't be checked: the key isn't in the key ring",
}


def sign(payload: bytes, key: str | None, program: str) -> str:
    """Sign bytes by an OpenPGP key.

    Args:
        payload: what is signed.
        key: a key or user id that gpg knows; ``None`` for its default key.
        program: gpg.

    Raises:
        SigningFailed: the program can't sign; the message is its last line.
    """
    chosen = [] if key is None else ["-u", key]
    said = call([program, "--status-fd=2", "-bsa", *chosen], payload)
    signature = said.out.decode(errors="replace")
    if said.code or "SIG_CREATED" not in said.err or not signature.startswith(PGP_BEGINS):
        told = [line for line in said.err.splitlines() if line and not line.startswith(_STATUS)]
        raise SigningFailed(
            f"{program} did not sign: {told[-1].strip() if told else 'it said nothing'}",
            hint="`wisedb config user.signingkey` names the key as gpg knows it.",
        )
    return signature


def verify(payload: bytes, signature: str, trust: Trust) -> Verdict:
    """Check a signature by the key ring of whoever calls.

    Raises:
        SigningFailed: there is no gpg.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "signature.asc"
        file.write_text(signature, encoding="utf-8")
        said = call([trust.gpg, "--status-fd=1", "--keyid-format=long", "--verify", file, "-"], payload)
    lines = list(_lines(said.out))
    told = dict(lines)
    key = told.get("VALIDSIG", "").split(" ")[0] or told.get("ERRSIG", "").split(" ")[0] or None
    for word, detail in _BAD.items():
        if word in told:
            return Verdict(True, False, OPENPGP, None, key or told[word].split(" ")[0], detail)
    good = [rest for word, rest in lines if word == "GOODSIG"]
    # One signature and one only: several could each be over something else.
    if said.code or len(good) != 1 or "VALIDSIG" not in told:
        return Verdict(True, False, OPENPGP, None, key, "the signature can't be read")
    signer = good[0].partition(" ")[2] or None
    if "TRUST_NEVER" in told:
        return Verdict(True, False, OPENPGP, None, key, "the key ring says that this key is never to be trusted")
    trusted = next((word.removeprefix("TRUST_").lower() for word in told if word.startswith("TRUST_")), "unknown")
    return Verdict(True, True, OPENPGP, signer, key, f"good signature, the key's trust is {trusted}")


def _lines(out: bytes) -> Iterator[tuple[str, str]]:
    for line in out.decode(errors="replace").splitlines():
        if line.startswith(_STATUS):
            word, _, rest = line.removeprefix(_STATUS).partition(" ")
            yield word, rest
