"""SSH signatures count for exactly what was signed, by whom one trusts, while the key counted."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.signing.keys import allowed, needs_ssh, ssh_key
from wisedb.errors import SigningFailed
from wisedb.signing.ssh import NAMESPACE, fingerprint, sign, verify
from wisedb.signing.verdict import Trust

pytestmark = needs_ssh
DATE = "2026-05-01T12:00:00Z"


def test_a_signature_names_its_signer_and_its_key(tmp_path: Path) -> None:
    key = ssh_key(tmp_path)
    signature = sign(b"content", str(key), "ssh-keygen")
    found = verify(b"content", signature, Trust(allowed(tmp_path, ("ada@example.org", key))), DATE)
    assert (found.signed, found.valid, found.format, found.signer) == (True, True, "ssh", "ada@example.org")
    told = subprocess.run(["ssh-keygen", "-lf", str(key)], capture_output=True, text=True, check=True).stdout
    assert found.key == fingerprint(signature) == told.split()[1]


def test_another_content_a_changed_signature_and_a_foreign_key_do_not_count(tmp_path: Path) -> None:
    key, other = ssh_key(tmp_path), ssh_key(tmp_path, "other")
    trust = Trust(allowed(tmp_path, ("ada@example.org", key)))
    signature = sign(b"content", str(key), "ssh-keygen")
    assert not verify(b"content.", signature, trust, DATE).valid
    lines = signature.splitlines()
    changed = "\n".join([*lines[:-2], lines[-2][:-8] + "AAAAAAAA", lines[-1]]) + "\n"
    assert not verify(b"content", changed, trust, DATE).valid
    foreign = verify(b"content", sign(b"content", str(other), "ssh-keygen"), trust, DATE)
    assert not foreign.valid and foreign.signer is None and "none of an allowed signer" in foreign.detail


def test_without_allowed_signers_nothing_counts(tmp_path: Path) -> None:
    signature = sign(b"content", str(ssh_key(tmp_path)), "ssh-keygen")
    found = verify(b"content", signature, Trust(), DATE)
    assert found.signed and not found.valid and found.key and "nobody vouches" in found.detail
    assert "there is no file" in verify(b"content", signature, Trust(tmp_path / "none"), DATE).detail


def test_a_key_counts_only_while_the_signers_file_says_so(tmp_path: Path) -> None:
    key = ssh_key(tmp_path)
    signature = sign(b"content", str(key), "ssh-keygen")
    span = 'valid-after="20260101Z",valid-before="20260601Z" '
    trust = Trust(allowed(tmp_path, ("ada@example.org", key), options=span))
    assert verify(b"content", signature, trust, DATE).valid
    assert not verify(b"content", signature, trust, "2026-07-01T12:00:00Z").valid
    assert not verify(b"content", signature, trust, "2025-07-01T12:00:00Z").valid


def test_a_revoked_key_does_not_count(tmp_path: Path) -> None:
    key = ssh_key(tmp_path)
    signature = sign(b"content", str(key), "ssh-keygen")
    signers = allowed(tmp_path, ("ada@example.org", key))
    assert verify(b"content", signature, Trust(signers), DATE).valid
    assert not verify(b"content", signature, Trust(signers, tmp_path / "key.pub"), DATE).valid


def test_a_signature_for_something_else_does_not_count(tmp_path: Path) -> None:
    key = ssh_key(tmp_path)
    words = ["ssh-keygen", "-Y", "sign", "-n", "git", "-f", str(key)]
    signature = subprocess.run(words, input=b"content", capture_output=True, check=True).stdout.decode()
    assert NAMESPACE == "wisedb"
    assert not verify(b"content", signature, Trust(allowed(tmp_path, ("ada", key))), DATE).valid


@pytest.mark.parametrize("key", ["no such file", "ssh-ed25519 AAAAnothing", "key::ssh-rsa AAAA"])
def test_a_key_that_is_none_is_refused_in_a_line(key: str, tmp_path: Path) -> None:
    with pytest.raises(SigningFailed, match="did not sign") as failed:
        sign(b"content", key, "ssh-keygen")
    assert "\n" not in failed.value.message and "user.signingkey" in failed.value.hint


@pytest.mark.parametrize("text", ["", "no signature", "-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END", "a\n!!\nb"])
def test_what_is_no_signature_has_no_fingerprint(text: str) -> None:
    assert fingerprint(text) is None
