"""Signatures of commits and tags: over their content without themselves, and read by every reader of format 2."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.signing.keys import allowed, needs_ssh, ssh_key
from tests.stores import copy_of
from wisedb.errors import CorruptObject, InputError, SigningFailed, UnknownRevision
from wisedb.repository import Repository
from wisedb.signing.signer import Signer
from wisedb.signing.verdict import Trust
from wisedb.store.commits import Commit
from wisedb.store.schemas import COMMIT, schema_problem
from wisedb.store.signed import check_commit, check_tag

pytestmark = needs_ssh


@pytest.fixture
def store(history: Repository, tmp_path: Path) -> Repository:
    return copy_of(history, tmp_path / "copy")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return ssh_key(tmp_path)


@pytest.fixture
def sign(key: Path) -> Signer:
    return Signer("ssh", str(key), "ssh-keygen")


@pytest.fixture
def trust(tmp_path: Path, key: Path) -> Trust:
    return Trust(allowed(tmp_path, ("ada@example.org", key)))


def test_every_verb_signs_and_the_signature_counts(store: Repository, sign: Signer, trust: Trust) -> None:
    made = [store.rollback("HEAD~1", sign=sign).head, store.revert(["HEAD"], author="Ada", sign=sign).head]
    made.append(store.amend([], "another message", sign=sign).commit)
    for commit_id in made:
        commit = store.store.objects.commit(str(commit_id))
        found = check_commit(str(commit_id), commit, trust)
        assert found.verdict.valid and found.verdict.signer == "ada@example.org"
        assert commit.made_with is not None and "signature" not in commit.made_with
    assert store.fsck().ok


def test_readers_that_know_nothing_of_signatures_read_the_commit(store: Repository, sign: Signer) -> None:
    commit_id = str(store.rollback("HEAD~1", sign=sign).head)
    record = json.loads(store.store.objects.commit_path(commit_id).read_bytes())
    assert schema_problem(COMMIT, record) is None and record["format"] == 2
    assert all(isinstance(text, str) for text in record["made_with"].values())
    assert set(record) == set(json.loads(store.store.objects.commit(commit_id).unsigned))


def test_a_signed_commit_reads_back_to_the_byte(store: Repository, sign: Signer) -> None:
    commit_id = str(store.rollback("HEAD~1", sign=sign).head)
    commit = store.store.objects.commit(commit_id)
    again = Commit.from_bytes(commit.to_bytes())
    assert again == commit and again.id == commit_id
    assert commit.signature is not None and commit.signature.encode() not in commit.unsigned
    assert Commit.from_bytes(commit.unsigned).signature is None


def test_a_signature_is_of_no_other_commit(store: Repository, sign: Signer, trust: Trust) -> None:
    commit_id = str(store.rollback("HEAD~1", sign=sign).head)
    signed = store.store.objects.commit(commit_id)
    for other in (replace(signed, author="Eve"), replace(signed, message="x"), replace(signed, parents=())):
        assert not check_commit(other.id, other, trust).verdict.valid
    unsigned = check_commit("x", replace(signed, signature=None), trust).verdict
    assert (unsigned.signed, unsigned.valid) == (False, False)


def test_amending_drops_a_signature_that_no_longer_holds(store: Repository, sign: Signer) -> None:
    store.rollback("HEAD~1", sign=sign)
    made = store.amend([], "another message")
    assert store.store.objects.commit(made.commit).signature is None


def test_where_no_signature_is_made_nothing_lands(store: Repository) -> None:
    before = store.store.refs.head().commit
    bad = Signer("ssh", "/no/such/key", "ssh-keygen")
    with pytest.raises(SigningFailed):
        store.rollback("HEAD~1", sign=bad)
    with pytest.raises(SigningFailed):
        store.tag("v1", note=("Ada", "why"), sign=bad)
    assert store.store.refs.head().commit == before and store.tags() == []


def test_tags_are_signed_under_their_name(store: Repository, sign: Signer, trust: Trust) -> None:
    store.tag("v1", note=("Ada", "As released"), sign=sign)
    found = check_tag(store.store, "v1", trust)
    assert found.verdict.valid and found.who == "Ada" and found.object == "refs/tags/v1"
    note = store.store.tag_notes.read("v1")
    assert note is not None and note.text == "As released" and note.to_json()["signed"] is True
    # Under another name, for another commit, with another word: it doesn't count.
    store.tag("v2")
    store.store.tag_notes.write("v2", note)
    assert not check_tag(store.store, "v2", trust).verdict.valid
    store.store.tag_notes.write("v1", replace(note, message=note.message.replace("released", "planned")))
    assert not check_tag(store.store, "v1", trust).verdict.valid
    store.store.tag_notes.write("v1", note)
    store.store.refs.create("refs/tags/v1", store.store.resolve("HEAD~1"), "moved", force=True)
    assert "has moved" in check_tag(store.store, "v1", trust).verdict.detail


def test_tags_without_a_signature_or_that_are_not_there(store: Repository, trust: Trust) -> None:
    store.tag("plain")
    store.tag("told", note=("Ada", "why"))
    for name, who in (("plain", None), ("told", "Ada")):
        found = check_tag(store.store, name, trust)
        assert not found.verdict.signed and found.who == who
    with pytest.raises(UnknownRevision):
        check_tag(store.store, "none", trust)


def test_what_is_no_signature_is_refused(store: Repository) -> None:
    commit = store.store.objects.commit(str(store.store.refs.head().commit))
    record = commit.to_json()
    with pytest.raises(CorruptObject):
        Commit.from_json({**record, "signature": "x"})
    with pytest.raises(CorruptObject):
        Commit.from_json({**record, "made_with": {**record["made_with"], "signature": 1}})
    with pytest.raises(InputError):
        replace(commit, made_with=None, signature="x")
    with pytest.raises(InputError):
        replace(commit, made_with={"signature": "x"})
