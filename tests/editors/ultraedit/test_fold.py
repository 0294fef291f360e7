"""UltraEdit's fold on a tiny model: what it writes, and that it goes on from the middle as from the beginning."""

from __future__ import annotations

import pytest
import torch

from tests.models import tiny_model, tiny_tokenizer
from wisedb.editors.streams import StreamItem
from wisedb.editors.ultraedit.fold import Changes, Fold, begun
from wisedb.editors.ultraedit.prior import prior_edits
from wisedb.editors.ultraedit.settings import UltraEditSettings
from wisedb.editors.ultraedit.state import RANKS, unpacked
from wisedb.edits import Edit
from wisedb.memory.kinds.additive import FactoredDelta
from wisedb.model.locate import locate

_EDITS = (
    Edit("The capital of Australia is", "Paris"),
    Edit("Who wrote the play Hamlet?", "France"),
    Edit("The play is of Spain", "is old"),
)
_PRIOR = prior_edits([f"The {thing} of the story is number {n}" for n in range(6) for thing in ("hero", "house")], 12)


def _fold(family: str = "llama", learning_rate: float = 0.3) -> tuple[Fold, dict[str, FactoredDelta]]:
    model = tiny_model(family)
    layers = [locate(model, layer=layer) for layer in (1, 2)]
    start = begun(layers)
    changes = {module: start.place(module, torch.device("cpu"), torch.float32) for module in start.modules}
    return Fold(model, tiny_tokenizer(), layers, UltraEditSettings(learning_rate=learning_rate)), changes


def _same(one: Changes, other: Changes) -> bool:
    return all(
        torch.equal(one[module].left, other[module].left) and torch.equal(one[module].right, other[module].right)
        for module in one
    )


@pytest.mark.parametrize("batches", [(0, 0, 0), (0, 0, 1), (None, None, None)])
def test_from_the_middle_it_gives_the_same(batches: tuple[int | None, ...]) -> None:
    fold, changes = _fold()
    prepared = fold.prepared(changes, _PRIOR)
    stream = [StreamItem(edit, batch=batch) for edit, batch in zip(_EDITS, batches, strict=True)]
    whole = fold.written(prepared, stream)
    middle = 0 if batches == (0, 0, 0) else 2
    assert _same(whole, fold.written(fold.written(prepared, stream[:middle]), stream[middle:]))
    for module, change in whole.items():
        tokens = change.rank - RANKS
        assert tokens >= len(_EDITS) and unpacked(change).count == tokens + unpacked(prepared[module]).count


def test_nothing_but_the_statistics_comes_from_the_prior() -> None:
    fold, changes = _fold()
    prepared = fold.prepared(changes, _PRIOR)
    assert all(not change.dense().any() and unpacked(change).count for change in prepared.values())
    assert _same(fold.prepared(changes, []), changes)


def test_a_small_step_lowers_the_loss() -> None:
    fold, changes = _fold(learning_rate=0.02)
    losses = []
    found: Changes = fold.prepared(changes, _PRIOR)
    for _ in range(2):
        found = fold.written(found, [StreamItem(_EDITS[0])], lambda progress: losses.append(progress.loss))
    assert losses[1] is not None and losses[0] is not None and losses[1] < losses[0]
