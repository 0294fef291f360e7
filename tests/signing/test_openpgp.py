"""OpenPGP signatures count as the key ring of whoever checks says."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.signing.keys import gpg_home, needs_gpg
from wisedb.errors import SigningFailed
from wisedb.signing.openpgp import sign, verify
from wisedb.signing.verdict import Trust

pytestmark = needs_gpg
ADA = "Ada <ada@example.org>"


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with gpg_home(ADA, "Ben <ben@example.org>") as folder:
        yield folder


@pytest.fixture(autouse=True)
def _at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GNUPGHOME", str(home))


def test_a_signature_names_its_signer_and_its_key() -> None:
    signature = sign(b"content", "ada@example.org", "gpg")
    found = verify(b"content", signature, Trust())
    assert (found.signed, found.valid, found.format, found.signer) == (True, True, "openpgp", ADA)
    listed = subprocess.run(
        ["gpg", "--with-colons", "-k", "ada@example.org"], capture_output=True, text=True, check=True
    )
    assert f":{found.key}:" in listed.stdout
    assert verify(b"content", sign(b"content", None, "gpg"), Trust()).valid


def test_another_content_and_a_changed_signature_do_not_count() -> None:
    signature = sign(b"content", "ada@example.org", "gpg")
    assert verify(b"content.", signature, Trust()).detail == "the signature doesn't fit"
    cut = "\n".join(signature.splitlines()[:3])
    assert not verify(b"content", cut, Trust()).valid
    assert not verify(b"content", "-----BEGIN PGP SIGNATURE-----\n\nnothing\n", Trust()).valid


def test_two_signatures_in_one_do_not_count(home: Path) -> None:
    one = subprocess.run(["gpg", "-bs", "-u", "ada@example.org"], input=b"content", capture_output=True, check=True)
    two = subprocess.run(["gpg", "-bs", "-u", "ben@example.org"], input=b"content", capture_output=True, check=True)
    joined = subprocess.run(["gpg", "--enarmor"], input=one.stdout + two.stdout, capture_output=True, check=True).stdout
    text = joined.decode().replace("ARMORED FILE", "SIGNATURE")
    assert not verify(b"content", text, Trust()).valid


def test_a_key_that_is_not_in_the_ring_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    signature = sign(b"content", "ada@example.org", "gpg")
    with gpg_home() as empty:
        monkeypatch.setenv("GNUPGHOME", str(empty))
        found = verify(b"content", signature, Trust())
    assert found.signed and not found.valid and "isn't in the key ring" in found.detail


def test_a_key_that_gpg_does_not_know_is_refused_in_a_line() -> None:
    with pytest.raises(SigningFailed, match="did not sign") as failed:
        sign(b"content", "nobody@example.org", "gpg")
    assert "\n" not in failed.value.message
