"""Memories of every kind come back from their blobs as they were, and parts of two memories are told apart."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.stores import AUSTRALIA, HAMLET
from wisedb.config import EditorChoice, Setting
from wisedb.editors.streams import StreamItem, Trained
from wisedb.errors import CorruptObject, FormatTooNew, MissingObject, UnknownKind
from wisedb.memory.gates.base import GateName
from wisedb.memory.kinds.base import Change
from wisedb.memory.kinds.codebook import Codebook
from wisedb.memory.kinds.deferral import Deferral
from wisedb.memory.kinds.low_rank_delta import LowRankDelta
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.memory.kinds.masks import random_mask
from wisedb.memory.memory import Memory
from wisedb.serving.blobs import PendingBlobs
from wisedb.serving.memory_codec import (
    merged_entry,
    modern_entry,
    origin_blob,
    read_change,
    read_memories,
    read_memory,
    version_blob,
)
from wisedb.store.blobs import Blob
from wisedb.store.memory_entry import MemoryEntry

BESIDE = "b" * 64
"""What stood before a memory, as a hash."""

CHOICE = EditorChoice("someone", {"steps": 3}, 5, {"pool": "1" * 64, "covariance:a": "2" * 64})
ITEMS = (StreamItem(AUSTRALIA, (HAMLET,), 4), StreamItem(HAMLET, (), 4))


class Nowhere:
    """Where there is no blob."""

    def get(self, blob_id: str, /) -> Blob:
        raise MissingObject(f"blob {blob_id[:12]} isn't there")

    def ensure(self, blob_ids: object, /) -> None:
        """Nothing can be fetched."""


def masked(seed: int = 0) -> MaskedDelta:
    mask = random_mask((6, 4), 0.5, seed)
    return MaskedDelta.under("a", mask, torch.arange(int(mask.sum())).half())


def factored() -> LowRankDelta:
    begun = LowRankDelta.empty({"a": (6, 4), "b": (3, 5)})
    return begun.plus("a", torch.ones(6, 2), torch.ones(2, 4)).plus("b", torch.ones(3, 1), torch.ones(1, 5))


def codebook() -> Codebook:
    return Codebook("a", torch.rand(2, 6), torch.rand(2, 4), torch.tensor([1.0, 2.0]), torch.tensor([0, 1]))


def deferral() -> Deferral:
    return Deferral("a", torch.rand(6), torch.rand(1), torch.rand(6, 4), torch.rand(4))


CASES: list[tuple[Change, GateName, float]] = [
    (masked(), "activation", 0.5),
    (masked(), "always", 0.0),
    (factored(), "always", 0.0),
    (factored(), "activation", 2.0),
    (codebook(), "nearest", 0.0),
    (deferral(), "always", 0.0),
]


def put(pending: PendingBlobs, change: Change, gate: GateName, threshold: float = 0.0, seed: int = 9) -> MemoryEntry:
    origin = pending.put(origin_blob(change, CHOICE, seed))
    main = pending.put(version_blob(origin, ITEMS, Trained(change, gate, threshold, {"own": 1.5}), BESIDE))
    blobs = {change.origin: origin, change.main: main}
    return MemoryEntry(origin, change.kind, gate, CHOICE, change.modules, main, blobs)


def tensors(change: Change) -> dict[str, torch.Tensor]:
    return {f"{role} {name}": each for role, part in change.parts().items() for name, each in part.tensors.items()}


@pytest.mark.parametrize(("change", "gate", "threshold"), CASES)
def test_a_memory_comes_back_as_it_was(change: Change, gate: GateName, threshold: float) -> None:
    pending = PendingBlobs(Nowhere())
    entry = put(pending, change, gate, threshold)
    (found,) = read_memories(pending, [entry])
    assert (found.id, found.edits, found.modules) == (entry.id, (AUSTRALIA.id, HAMLET.id), change.modules)
    assert (found.gate.name, found.gate.threshold, found.gate.keys) == (gate, threshold, None)
    before, after = tensors(change), tensors(found.change)
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)
    assert all(before[name].dtype == after[name].dtype for name in before)
    assert read_memories(pending, [entry], {entry.main: found}) == [found]


def test_a_version_says_what_it_was_trained_on_and_nothing_of_how_it_came_about() -> None:
    change, pending = masked(), PendingBlobs(Nowhere())
    entry = put(pending, change, "activation")
    assert pending.get(entry.main).meta == {
        "origin": entry.id,
        "before": BESIDE,
        "threshold": 0.0,
        "stream": [
            {"edit": AUSTRALIA.id, "companions": [HAMLET.id], "batch": 0},
            {"edit": HAMLET.id, "batch": 0},
        ],
        "edits": [AUSTRALIA.id, HAMLET.id],
        "statistics": {"own": 1.5},
    }
    begun = pending.get(entry.id).meta
    assert (begun["seed"], begun["modules"]) == (9, ["a"])
    # What was derived on the way doesn't name a memory: two machines begin the same one.
    assert EditorChoice.from_json(begun["editor"]) == CHOICE.given
    other = put(pending, change, "activation", seed=10)
    assert other.id != entry.id
    # The batch's number doesn't count, only who is in it.
    renumbered = tuple(replace(item, batch=77) for item in ITEMS)
    again = version_blob(entry.id, renumbered, Trained(change, "activation", 0.0, {"own": 1.5}), BESIDE)
    assert again.id == entry.main


def test_parts_of_two_memories_are_told_apart() -> None:
    pending = PendingBlobs(Nowhere())
    one, other = put(pending, masked(), "activation"), put(pending, masked(1), "activation")
    with pytest.raises(CorruptObject, match="mask of another memory"):
        read_change(pending, replace(one, blobs={**one.blobs, "mask": other.blobs["mask"]}))
    with pytest.raises(CorruptObject, match="no mask"):
        read_memory(pending, replace(one, blobs={"delta": one.main}))
    with pytest.raises(CorruptObject, match="wrong keys"):
        read_memory(pending, replace(one, gate="keys"))
    with pytest.raises(CorruptObject, match="no gate 'sometimes'"):
        read_memory(pending, replace(one, gate="sometimes"))
    with pytest.raises(CorruptObject, match="one module"):
        read_memory(pending, replace(one, modules=("a", "b")))
    with pytest.raises(UnknownKind) as refused:
        read_memory(pending, replace(one, kind="hologram"))
    assert refused.value.hint
    with pytest.raises(MissingObject):
        read_memory(PendingBlobs(Nowhere()), one)


def _format_1(pending: PendingBlobs, threshold: float, *, keys: bool) -> MemoryEntry:
    old = put(pending, masked(), "activation", threshold)
    origin = pending.get(old.id)
    mask = pending.put(Blob("mask", {**origin.meta, "editor": CHOICE.to_format_1()}, origin.arrays))
    delta = pending.get(old.main)
    meta = {name: value for name, value in delta.meta.items() if name not in ("origin", "before")}
    main = pending.put(Blob("delta", {**meta, "mask": mask}, delta.arrays))
    blobs = {"mask": mask, "delta": main} | ({"keys": "3" * 64, "statistics": "4" * 64} if keys else {})
    return MemoryEntry.from_format_1({"id": mask, "kind": "shard", "blobs": blobs}, "model.layers.3.mlp")


@pytest.mark.parametrize(
    ("threshold", "keys", "gate"), [(0.5, False, "activation"), (0.5, True, "both"), (0.0, True, "keys")]
)
def test_format_1_leaves_gate_and_editor_to_the_blobs(threshold: float, keys: bool, gate: str) -> None:
    pending = PendingBlobs(Nowhere())
    entry = _format_1(pending, threshold, keys=keys)
    assert (entry.kind, entry.gate, entry.editor, entry.modules) == (
        "masked_delta",
        None,
        None,
        ("model.layers.3.mlp",),
    )
    found = modern_entry(pending, entry)
    settings: dict[str, Setting] = {"steps": 3, "target": "model.layers.3.mlp"}
    assert found == replace(entry, gate=gate, editor=EditorChoice("keyed", settings, 5, {"pool": "1" * 64}))
    assert modern_entry(pending, found) is found
    assert read_change(pending, entry).modules == ("model.layers.3.mlp",)


def test_format_1_without_an_editor_is_damaged() -> None:
    pending = PendingBlobs(Nowhere())
    entry = _format_1(pending, 0.5, keys=False)
    bare = pending.put(Blob("mask", {}, pending.get(entry.id).arrays))
    with pytest.raises(CorruptObject, match="how it is trained"):
        modern_entry(pending, replace(entry, id=bare))
    with pytest.raises(FormatTooNew):
        MemoryEntry.from_format_1({"id": bare, "kind": "cube", "blobs": {"delta": bare}}, None)


def test_a_merge_is_a_memory_of_its_own() -> None:
    pending = PendingBlobs(Nowhere())
    first = read_memory(pending, put(pending, masked(), "activation", 0.5))
    entry = merged_entry(pending, Memory("merged", first.change, first.gate, first.edits), CHOICE, None)
    found = read_memory(pending, entry)
    assert found.edits == first.edits and found.gate.threshold == 0.5
    assert pending.get(entry.main).meta["stream"] == []
    assert set(entry.blobs.values()) <= set(pending.blobs)
