"""Who signs, by what the preferences say; and any signature checked by its own kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from wisedb.errors import SigningFailed, UsageError
from wisedb.preferences import FORMAT, GPG, KEY, REVOKED, SIGNERS, SSH_PROGRAM, Preference
from wisedb.signing import openpgp, ssh
from wisedb.signing.verdict import OPENPGP, SSH, Trust, Verdict, format_of

Sign = Callable[[bytes], str]
"""Makes a signature over some bytes, as armoured text."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that signs.

    Attributes:
        format: ``ssh`` or ``openpgp``.
        key: the key, as :mod:`wisedb.signing.ssh` or :mod:`wisedb.signing.openpgp` takes it.
        program: what signs.
    """

    format: str
    key: str | None
    program: str

    def __call__(self, payload: bytes) -> str:
        """The signature.

        Raises:
            SigningFailed: none was made.
        """
        if self.format == OPENPGP:
            return openpgp.sign(payload, self.key, self.program)
        if self.key is None:
            raise SigningFailed(
                "no key is named to sign with",
                hint="Name one: `wisedb config --global user.signingkey ~/.ssh/id_ed25519`.",
            )
        return ssh.sign(payload, self.key, self.program)


def signer_of(preferences: Mapping[str, Preference], own: Mapping[str, Preference]) -> Signer:
    """The signer that preferences name.

    Args:
        preferences: those that count: they name the key.
        own: those of the person alone, who alone says which program is run.

    Raises:
        UsageError: the format is none.
    """
    format = str(own.get(FORMAT, SSH))
    if format not in (SSH, OPENPGP):
        raise UsageError(
            f"{FORMAT} is {SSH} or {OPENPGP}, not '{format}'", hint=f"`wisedb config --global {FORMAT} ssh`."
        )
    key = preferences.get(KEY)
    trust = trust_of(own)
    return Signer(format, None if key is None else str(key), trust.ssh if format == SSH else trust.gpg)


def trust_of(own: Mapping[str, Preference], signers: Path | None = None) -> Trust:
    """Whose signatures count.

    Args:
        own: the preferences of the person alone: a store that came from elsewhere must not say whom to trust.
        signers: a file of allowed signers in the place of theirs.
    """
    named = {key: Path(str(own[key])).expanduser() for key in (SIGNERS, REVOKED) if key in own}
    return Trust(
        signers or named.get(SIGNERS),
        named.get(REVOKED),
        str(own.get(SSH_PROGRAM, "ssh-keygen")),
        str(own.get(GPG, "gpg")),
    )


def verify(payload: bytes, signature: str, trust: Trust, date: str) -> Verdict:
    """Check a signature of either kind.

    Args:
        payload: what was signed.
        signature: it.
        trust: whose count.
        date: when it was made, ISO 8601.

    Raises:
        SigningFailed: the program that checks isn't there.
    """
    match format_of(signature):
        case "ssh":
            return ssh.verify(payload, signature, trust, date)
        case "openpgp":
            return openpgp.verify(payload, signature, trust)
        case _:
            return Verdict(True, False, detail="what stands in the signature's place is neither SSH's nor OpenPGP's")
