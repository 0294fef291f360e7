"""A memory in a commit: who trains it and which gate it stands behind, in both formats."""

from __future__ import annotations

from typing import Any

import pytest

from wisedb.config import EditorChoice
from wisedb.errors import CorruptObject, FormatTooNew, InputError
from wisedb.store.memory_entry import MemoryEntry

A, B = "a" * 64, "b" * 64
CHOICE = EditorChoice("grace", {"steps": 3}, 7)
MODERN = MemoryEntry(A, "codebook", "nearest", CHOICE, ("layers.1.down",), B, {"values": B, "origin": A})
OLD = MemoryEntry.from_format_1({"id": A, "kind": "shard", "blobs": {"mask": A, "delta": B}}, "layers.3.down")


def test_json_there_and_back() -> None:
    assert MemoryEntry.from_json(MODERN.to_json()) == MODERN
    assert OLD.to_format_1() == {"id": A, "kind": "shard", "blobs": {"mask": A, "delta": B}}


@pytest.mark.parametrize(
    "change", [{"id": 7}, {"gate": 7}, {"modules": "layers.1.down"}, {"modules": [7]}, {"more": 1}]
)
def test_what_is_no_memory(change: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        MemoryEntry.from_json({**MODERN.to_json(), **change})


def test_what_only_a_later_wisedb_can_know() -> None:
    with pytest.raises(FormatTooNew):
        MemoryEntry.from_format_1({"id": A, "kind": "code book", "blobs": {"delta": B}}, None)


def test_who_trains_it() -> None:
    assert MODERN.owner({}) == CHOICE
    # Format 1 says it in the memory's beginning, but for the module.
    assert OLD.owner({"editor": CHOICE.to_json()}) == CHOICE.at("layers.3.down")
    with pytest.raises(CorruptObject, match="doesn't say how it is trained"):
        OLD.owner({})


def test_the_gate_of_format_1_is_told_by_its_blobs() -> None:
    keyed = MemoryEntry.from_format_1({"id": A, "kind": "shard", "blobs": {"mask": A, "delta": B, "keys": A}}, None)
    assert MODERN.gate_by({}) == "nearest" and OLD.gate_by({}) == "activation"
    assert (keyed.gate_by({"threshold": 0.5}), keyed.gate_by({"threshold": 0})) == ("both", "keys")
    with pytest.raises(CorruptObject, match="no threshold"):
        keyed.gate_by({})
    modern = OLD.modern({"editor": CHOICE.to_json()}, {})
    assert (modern.gate, modern.editor) == ("activation", CHOICE.at("layers.3.down"))


def test_the_blobs_that_it_rests_on() -> None:
    shared = EditorChoice("grace", {}, 0, {"pool": "c" * 64})
    rests = MemoryEntry(A, "codebook", "nearest", shared, (), B, {"values": B})
    assert rests.named == {B, "c" * 64}
