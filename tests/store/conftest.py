"""Stores to test on, and short ways to fill them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.store.entries import CHOICE, memory_entry
from tests.store.index.synthetic import Builder
from wisedb.canonical import canonical_json
from wisedb.config import BaseModel, StoreConfig
from wisedb.edits import Edit
from wisedb.store.blobs import Array, Blob
from wisedb.store.commits import Commit
from wisedb.store.store import Store

BASE = BaseModel("some/model", None, "a" * 64, "b" * 64)


def _date(minute: int) -> str:
    return f"2026-01-{1 + minute // 1440:02}T{minute // 60 % 24:02}:{minute % 60:02}:00Z"


class Kit:
    """Makes the nouns of a store, all of them sound."""

    base = BASE

    def edit(self, number: int = 0, target: str = "Canberra") -> Edit:
        """The edit of that number."""
        return Edit(prompt=f"The capital of land {number} is", target=target)

    def commit(self, *parents: str, minute: int = 0, message: str = "a commit", **fields: Any) -> Commit:
        """A commit with default fields."""
        return Commit(
            parents=parents, author="Ada <ada@example.org>", date=_date(minute), message=message, base=BASE, **fields
        )

    def edits(self, *edits: Edit) -> Blob:
        """The blob with these edits' records."""
        data = canonical_json([edit.content() for edit in edits])
        return Blob("edits", {"edits": [edit.id for edit in edits]}, {"records": Array("U8", (len(data),), data)})

    def mask(self, seed: int = 0) -> Blob:
        """A mask of 4 × 6 entries, 8 of them set."""
        bits = bytes([0b10110000, 0b00001101, 0b10000001])
        return Blob(
            "mask", {"shape": [4, 6], "ratio": 0.33, "seed": seed, "entries": 8}, {"bits": Array("U8", (3,), bits)}
        )

    def delta(self, mask: Blob, values: bytes, *edits: Edit) -> Blob:
        """A shard's values: 8 numbers of 4 bytes."""
        ids = [edit.id for edit in edits]
        meta = {"origin": mask.id, "threshold": 1.5, "edits": ids, "stream": [{"edit": i} for i in ids]}
        return Blob("delta", meta, {"values": Array("F32", (8,), values)})

    def write(self, store: Store, *edits: Edit, minute: int = 1, ref: str = "HEAD") -> str:
        """Land a commit with edits and one shard, as the editor would; returns its id."""
        tip = store.refs.read(ref)
        assert tip is not None
        mask = self.mask()
        parent = store.objects.commit(tip)
        before = parent.memories[0].main if parent.memories else None
        values = (b"".join(edit.id[:8].encode() for edit in edits) + bytes(32))[:32]
        records, delta = self.edits(*edits), self.delta(mask, values, *edits)
        with store.transaction(tip, ref=ref) as transaction:
            for blob in (records, mask):
                transaction.put(blob)
            transaction.put(delta, delta_base=before)
            commit = self.commit(
                tip,
                minute=minute,
                message=", ".join(edit.target for edit in edits),
                edits=records.id,
                added=tuple(edit.id for edit in edits),
                memories=(memory_entry(mask.id, delta.id),),
            )
            return transaction.land(commit, action="commit", unstage=[edit.id for edit in edits])

    def empty(self, store: Store, *parents: str, minute: int = 0, message: str = "a commit") -> str:
        """Put a commit without content, which no ref names; returns its id."""
        return store.objects.put_commit(self.commit(*parents, minute=minute, message=message))


@pytest.fixture
def kit() -> Kit:
    """Makes nouns."""
    return Kit()


@pytest.fixture
def make_store(tmp_path: Path, kit: Kit) -> Callable[[str], Store]:
    """Makes stores by name, each with its first commit and a pool."""

    def make(name: str) -> Store:
        pool = Blob("pool", {"prompts": ["The sky is"], "contexts": ["Well,"], "generator": {}})
        choice = replace(CHOICE, resources={"pool": pool.id})
        return Store.init(tmp_path / name, StoreConfig(BASE, choice), kit.commit(message="init", editor=choice), [pool])

    return make


@pytest.fixture
def store(make_store: Callable[[str], Store]) -> Store:
    """A store with its first commit."""
    return make_store("store")


@pytest.fixture
def edits(kit: Kit) -> list[Edit]:
    """Some edits of different prompts."""
    return [kit.edit(number) for number in range(8)]


@pytest.fixture
def builder(tmp_path: Path) -> Builder:
    """A store whose history is written without training, two edits a memory."""
    return Builder.make(tmp_path, capacity=2)
