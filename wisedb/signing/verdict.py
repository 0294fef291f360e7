"""What a signature is worth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

SSH: Final = "ssh"
OPENPGP: Final = "openpgp"

SSH_BEGINS: Final = "-----BEGIN SSH SIGNATURE-----"
PGP_BEGINS: Final = "-----BEGIN PGP SIGNATURE-----"


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose signatures count, and what checks them.

    Attributes:
        signers: a file of allowed signers (ssh-keygen(1), ALLOWED SIGNERS), ``None`` where nobody vouches for SSH keys.
        revoked: a file of revoked SSH keys, ``None`` without one.
        ssh: the program that checks SSH signatures.
        gpg: the program that checks OpenPGP signatures; its own key ring says which keys there are.
    """

    signers: Path | None = None
    revoked: Path | None = None
    ssh: str = "ssh-keygen"
    gpg: str = "gpg"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of one signature.

    Attributes:
        signed: whether there is one.
        valid: whether it is over exactly this content, by a key that is trusted, and was not revoked or expired.
        format: ``ssh`` or ``openpgp``, ``None`` without one.
        signer: who signed: the principal of the allowed signers, or the key's user; ``None`` where nobody vouches.
        key: the key's fingerprint, ``None`` where it isn't known.
        detail: in a line, why it counts or doesn't.
    """

    signed: bool
    valid: bool
    format: str | None = None
    signer: str | None = None
    key: str | None = None
    detail: str = "there is no signature"

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return {
            "signed": self.signed,
            "valid": self.valid,
            "format": self.format,
            "signer": self.signer,
            "key": self.key,
            "detail": self.detail,
        }


UNSIGNED: Final = Verdict(False, False)


def format_of(signature: str) -> str | None:
    """``ssh`` or ``openpgp``, by how a signature begins; ``None`` for anything else."""
    begins = signature.lstrip()
    if begins.startswith(SSH_BEGINS):
        return SSH
    return OPENPGP if begins.startswith(PGP_BEGINS) else None
