"""A commit's bytes are its identity; what isn't a commit doesn't become one."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.store.conftest import BASE, Kit
from wisedb.canonical import canonical_json
from wisedb.config import EditorChoice
from wisedb.errors import CorruptObject, FormatTooNew, InputError
from wisedb.store.commits import Commit
from wisedb.store.memory_entry import MemoryEntry
from wisedb.store.schemas import COMMIT, schema_problem

A, B, C, D = (letter * 64 for letter in "abcd")
EDITOR = EditorChoice("keyed", {"steps": 70, "end": True, "margin": 0.5, "optimizer": "sgd"}, 7, {"pool": D})
FORMAT_1 = Path(__file__).parent.parent / "format1" / "store"

ENTRY: dict[str, Any] = {
    "id": A,
    "kind": "masked_delta",
    "gate": "keys",
    "editor": None,
    "modules": ["layers.3.down"],
    "main": A,
    "blobs": {"delta": A},
}


def full(kit: Kit) -> Commit:
    return kit.commit(
        A,
        B,
        edits=C,
        added=(A, B),
        reverted=(C,),
        known=(B,),
        memories=(
            MemoryEntry(D, "masked_delta", "keys", EDITOR, ("layers.3.down",), A, {"mask": D, "delta": A}),
            MemoryEntry(C, "codebook", None, None, ("layers.1", "layers.2"), B, {"entries": B}),
        ),
        merged={"threshold": 1.5, "density": 0.53},
        editor=EDITOR,
        scores={"reliability": 1.0, "n": 3},
    )


def test_round_trip(kit: Kit) -> None:
    for commit in (full(kit), kit.commit()):
        data = commit.to_bytes()
        assert Commit.from_bytes(data) == commit
        assert Commit.from_bytes(data).id == commit.id
        assert schema_problem(COMMIT, json.loads(data)) is None


def test_identity_is_fixed_for_ever(kit: Kit) -> None:
    # Changing it would orphan every store: if this fails, the code is wrong and not the test.
    assert full(kit).id == "1ed3820c1a407211c94e1f458fba2598dfcc94224208a09551cf0f71a65f0412"


def in_format_1(kit: Kit) -> dict[str, Any]:
    """The same commit as wisedb 0.1 wrote it: one editor and one module for all memories."""
    return {
        **full(kit).to_json(),
        "format": 1,
        "memories": [{"id": D, "kind": "shard", "blobs": {"mask": D, "delta": A, "keys": B, "statistics": C}}],
        "editor": {"name": "wise", "settings": {"steps": 70, "end": True, "margin": 0.5}, "seed": 7, "pool": D},
        "base": {**kit.base.to_json(), "target": "layers.3.down"},
    }


def test_a_commit_of_format_1_keeps_its_bytes_and_its_id(kit: Kit) -> None:
    record = in_format_1(kit)
    data = canonical_json(record)
    assert schema_problem(COMMIT, record) is None
    commit = Commit.from_bytes(data)
    assert commit.format == 1 and commit.to_bytes() == data
    # As above: this id was computed by wisedb 0.1.
    assert commit.id == "8036af5a188dd6b54949e332a54e88023e44aac0d96c913b4b3097f8202249e5"
    assert Commit.from_bytes(commit.to_bytes()) == commit
    without = {**record, "memories": [], "editor": {**record["editor"], "pool": None}}
    assert Commit.from_json(without).to_json() == without


def test_what_a_commit_of_format_1_means_today(kit: Kit) -> None:
    commit = Commit.from_json(in_format_1(kit))
    (memory,) = commit.memories
    assert (memory.kind, memory.modules, memory.main) == ("masked_delta", ("layers.3.down",), A)
    assert (memory.gate, memory.editor) == (None, None)  # its blobs tell
    assert (commit.editor.name, commit.editor.resources, commit.editor.seed) == ("keyed", {"pool": D}, 7)
    assert commit.blobs == {A, B, C, D}


@pytest.mark.parametrize("path", sorted(FORMAT_1.glob("objects/??/*.json")), ids=lambda path: path.stem[:8])
def test_commits_that_wisedb_0_1_wrote_keep_their_bytes_and_ids(path: Path) -> None:
    data = path.read_bytes()
    commit = Commit.from_bytes(data)
    assert commit.format == 1 and commit.to_bytes() == data
    assert commit.id == path.parent.name + path.stem


@pytest.mark.parametrize(
    "change",
    [
        {"memories": [{"id": D, "kind": "shard", "blobs": {"mask": D}}]},
        {"memories": [{"id": D, "kind": "shard", "blobs": {"delta": A}, "gate": "keys"}]},
        {"memories": [ENTRY]},
        {"editor": EDITOR.to_json()},
        {"base": BASE.to_json()},
    ],
    ids=lambda change: json.dumps(change)[:60],
)
def test_what_is_no_commit_of_format_1(kit: Kit, change: dict[str, Any]) -> None:
    record = {**in_format_1(kit), **change}
    with pytest.raises(CorruptObject):
        Commit.from_json(record)


def test_a_kind_that_format_1_never_had_is_refused(kit: Kit) -> None:
    record = in_format_1(kit)
    record["memories"][0]["kind"] = "code book"
    with pytest.raises(FormatTooNew, match="code book"):
        Commit.from_json(record)


def test_what_it_names(kit: Kit) -> None:
    commit = full(kit)
    assert commit.blobs == {A, B, C, D}
    assert [memory.main for memory in commit.memories] == [A, B]
    assert commit.when == datetime(2026, 1, 1, tzinfo=UTC)


BROKEN_ENTRIES: list[dict[str, Any]] = [
    {"blobs": {}},
    {"blobs": {"delta": "../x"}},
    {"blobs": {"delta": B}},  # the main blob is another
    {"main": "../x"},
    {"main": None},
    {"more": 1},
    {"kind": 1},
    {"gate": 1},
    {"modules": "layers.3"},
    {"modules": [3]},
    {"editor": {"name": "keyed"}},
    {"editor": {**EDITOR.to_json(), "resources": {"pool": "../x"}}},
]
BREAKS: list[dict[str, Any]] = [
    {"format": 0.5},
    {"format": True},
    {"parents": "abc"},
    {"parents": [A, A]},
    {"parents": ["../../x"]},
    {"parents": [A.upper()]},
    {"author": ""},
    {"author": "two\nlines"},
    {"author": None},
    {"date": "yesterday"},
    {"date": "2026-13-01T00:00:00Z"},
    {"date": "2026-01-01T00:00:00+02:00"},
    {"date": "2026-01-01T00:00:00Z\n"},
    {"message": None},
    {"edits": "x"},
    {"edits": [A]},
    {"added": [1]},
    {"known": [D]},
    {"memories": {}},
    *({"memories": [{**ENTRY, **change}]} for change in BROKEN_ENTRIES),
    *({"memories": [{name: value for name, value in ENTRY.items() if name != lost}]} for lost in ENTRY),
    {"memories": [ENTRY] * 2},
    {"memories": [None]},
    {"merged": []},
    {"editor": None},
    {"editor": {"name": "keyed"}},
    {"editor": {**EDITOR.to_json(), "resources": {"pool": "../x"}}},
    {"editor": EDITOR.to_format_1()},
    {"base": {}},
    {"scores": {"reliability": "1"}},
    {"scores": {"reliability": True}},
    {"scores": []},
    {"extra": 1},
]


@pytest.mark.parametrize("change", BREAKS, ids=lambda change: json.dumps(change)[:40])
def test_what_is_no_commit(kit: Kit, change: dict[str, Any]) -> None:
    record = {**full(kit).to_json(), **change}
    with pytest.raises(CorruptObject) as caught:
        Commit.from_json(record)
    assert caught.value.hint
    if change not in ({"date": "2026-13-01T00:00:00Z"}, {"known": [D]}) and "memories" not in change:
        assert schema_problem(COMMIT, record) is not None


OPTIONAL = ("unlearned", "again", "made_with", "probe")


def test_what_came_later_is_there_only_where_it_says_something(kit: Kit) -> None:
    plain = kit.commit().to_json()
    assert not plain.keys() & set(OPTIONAL)
    commit = replace(full(kit), unlearned=full(kit).added[:1], again=(D,), made_with={"torch": "2"}, probe={"x": [1]})
    record = commit.to_json()
    assert record.keys() >= set(OPTIONAL) and schema_problem(COMMIT, record) is None
    assert Commit.from_bytes(commit.to_bytes()) == commit
    for spoilt in ({"unlearned": [D * 2]}, {"again": record["added"]}, {"made_with": {"torch": 2}}, {"probe": "x"}):
        with pytest.raises(CorruptObject):
            Commit.from_json({**record, **spoilt})


# A signature is no field of the JSON: test_signed.
@pytest.mark.parametrize("field", sorted(Commit.__dataclass_fields__.keys() - {*OPTIONAL, "signature"}))
def test_no_field_may_lack(kit: Kit, field: str) -> None:
    record = full(kit).to_json()
    del record[field]
    with pytest.raises(CorruptObject):
        Commit.from_json(record)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"[" * 100_000, b"\xff", b'"x"'])
def test_what_is_no_json_object(data: bytes) -> None:
    with pytest.raises(CorruptObject):
        Commit.from_bytes(data)


def test_a_fingerprint_that_is_not_the_models(kit: Kit) -> None:
    record = kit.commit().to_json()
    record["base"]["fingerprint"] = "f" * 16 + "-" + "f" * 16
    with pytest.raises(CorruptObject, match="fingerprint"):
        Commit.from_json(record)


def test_a_gguf_file_is_the_one_field_that_a_base_model_may_lack(kit: Kit) -> None:
    commit = replace(kit.commit(), base=replace(kit.base, gguf_file="F.gguf"))
    record = commit.to_json()
    assert Commit.from_bytes(commit.to_bytes()) == commit and schema_problem(COMMIT, record) is None
    for spoilt in ({"gguf_file": None}, {"gguf_file": "F.gguf", "target": "m"}, {"other": "x"}):
        record["base"] = {**kit.base.to_json(), **spoilt}
        with pytest.raises(CorruptObject):
            Commit.from_json(record)
        assert schema_problem(COMMIT, record) is not None


def test_a_newer_format_is_refused_and_not_guessed_at(kit: Kit) -> None:
    with pytest.raises(FormatTooNew):
        Commit.from_json({**kit.commit().to_json(), "format": 3, "new": "field"})


def test_what_json_can_not_say(kit: Kit) -> None:
    with pytest.raises(InputError):
        kit.commit(scores={"reliability": float("nan")})
    with pytest.raises(InputError):
        kit.commit(merged={"threshold": float("inf")}).to_bytes()
    with pytest.raises(InputError):
        replace(kit.commit(), message="\ud800").to_bytes()
