"""How memories differ between two commits: norms and changes by hand, and where shards overlap."""

from __future__ import annotations

import pytest
import torch

from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.repository import Repository
from wisedb.serving.memory_codec import read_memories
from wisedb.versioning.diff.tensors import diff_tensors


def _changes(repository: Repository, rev: str) -> list[MaskedDelta]:
    store = repository.store
    found = [
        memory.change for memory in read_memories(store.objects, store.objects.commit(store.resolve(rev)).memories)
    ]
    assert all(isinstance(change, MaskedDelta) for change in found)
    return [change for change in found if isinstance(change, MaskedDelta)]


def test_a_memory_that_went_on_and_one_that_was_begun(history: Repository) -> None:
    (before,), (after, begun) = _changes(history, "HEAD~1"), _changes(history, "HEAD")
    grown, fresh = diff_tensors(history.store, "HEAD~1", "HEAD").memories
    assert grown.entries == int(after.mask.sum()) and grown.id != fresh.id
    assert grown.before == pytest.approx(float(before.dense(dtype=torch.float32).norm()), rel=1e-4)
    assert grown.after == pytest.approx(float(after.dense(dtype=torch.float32).norm()), rel=1e-4)
    assert grown.change == pytest.approx(
        float((after.dense(dtype=torch.float32) - before.dense(dtype=torch.float32)).norm()), rel=1e-4
    )
    assert fresh.before is None and fresh.after == fresh.change == pytest.approx(
        float(begun.dense(dtype=torch.float32).norm()), rel=1e-4
    )


def test_the_other_way_round_it_is_taken_away(history: Repository) -> None:
    forth, back = diff_tensors(history.store, "HEAD~1", "HEAD"), diff_tensors(history.store, "HEAD", "HEAD~1")
    for one, other in zip(forth.memories, back.memories, strict=True):
        assert (one.id, one.before, one.after) == (other.id, other.after, other.before)
        assert one.change == pytest.approx(other.change)
    assert len(forth.overlaps) == 1 and back.overlaps == ()


def test_where_two_masks_overlap(history: Repository) -> None:
    one, other = _changes(history, "HEAD")
    (overlap,) = diff_tensors(history.store, "HEAD", "HEAD").overlaps
    both = one.mask & other.mask
    assert overlap.shared == pytest.approx(int(both.sum()) / min(int(one.mask.sum()), int(other.mask.sum())))
    products = (one.dense(dtype=torch.float32) * other.dense(dtype=torch.float32))[both]
    assert overlap.agreement == pytest.approx(float((products[products != 0] > 0).float().mean()))
