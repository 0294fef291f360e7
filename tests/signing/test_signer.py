"""What preferences say of signing, and that a store says nothing of trust."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.signing.keys import allowed, needs_ssh, ssh_key
from wisedb.errors import SigningFailed, UsageError
from wisedb.signing.signer import signer_of, trust_of, verify
from wisedb.signing.verdict import Trust

DATE = "2026-05-01T12:00:00Z"


def test_the_key_may_be_the_stores_and_the_program_is_the_persons() -> None:
    signer = signer_of({"user.signingkey": "k", "gpg.program": "evil", "gpg.format": "openpgp"}, {})
    assert (signer.format, signer.key, signer.program) == ("ssh", "k", "ssh-keygen")
    own = {"gpg.format": "openpgp", "gpg.program": "gpg2"}
    assert signer_of({}, own).program == "gpg2" and signer_of({}, own).key is None


def test_a_format_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="x509"):
        signer_of({}, {"gpg.format": "x509"})


def test_trust_is_what_the_person_says_or_the_call() -> None:
    own = {"gpg.ssh.allowedsignersfile": "~/signers", "gpg.ssh.revocationfile": "/revoked"}
    assert trust_of(own) == Trust(Path("~/signers").expanduser(), Path("/revoked"))
    assert trust_of(own, Path("/mine")).signers == Path("/mine")
    assert trust_of({}) == Trust()


def test_without_a_key_nothing_is_signed() -> None:
    with pytest.raises(SigningFailed, match="no key is named"):
        signer_of({}, {})(b"content")


@needs_ssh
def test_what_is_signed_is_checked_by_its_own_kind(tmp_path: Path) -> None:
    key = ssh_key(tmp_path)
    signature = signer_of({"user.signingkey": str(key)}, {})(b"content")
    assert verify(b"content", signature, Trust(allowed(tmp_path, ("ada", key))), DATE).valid
    found = verify(b"content", "no signature", Trust(), DATE)
    assert found.signed and not found.valid and "neither" in found.detail
