"""Training ends when the new edits are correct, and when none is lost that was correct before."""

from __future__ import annotations

from random import Random

import pytest
import torch

from tests.editors.keyed.fixtures import EDITS, mask_of, prepared, quick
from wisedb.editors.common.subspace import Subspace
from wisedb.editors.keyed.preconditioner import PreconditionedDelta
from wisedb.editors.keyed.sampler import MinibatchSampler, training_set
from wisedb.editors.keyed.trainer import BatchTrainer, _Run

NEW, OTHER = EDITS[:2], EDITS[2:3]


class Trained:
    """A batch, and ΔW after it."""

    def __init__(self) -> None:
        context = prepared("llama")
        settings = quick(steps=60, contexts=0)
        self.subspace = Subspace(mask_of(context), context.device)
        self.trainer = BatchTrainer(context, settings, 7, self.subspace)
        self.begin = self.subspace.values(torch.zeros(self.subspace.shape))
        self.values, outcomes = self.trainer.train(self.begin, NEW, ())
        assert all(outcome.learned for outcome in outcomes)
        self.data = training_set(context, settings, NEW, OTHER, Random(0))
        self.sampler = MinibatchSampler(self.data, settings, Random(0))

    def all_correct(self, values: torch.Tensor, kept: set[int]) -> bool:
        delta = PreconditionedDelta(self.subspace, values, 2.0, self.data.features(Random(0)))
        return self.trainer._all_correct(_Run(self.data, self.sampler, delta, kept, Random(0)), 5)


@pytest.fixture(scope="module")
def trained() -> Trained:
    return Trained()


def test_an_earlier_edit_that_is_lost_comes_at_once(trained: Trained) -> None:
    assert not trained.all_correct(trained.values, {0})
    assert trained.sampler.old.learned == 0
    assert trained.sampler.old.next() == [0]


def test_one_that_was_wrong_before_is_not_waited_for(trained: Trained) -> None:
    assert trained.all_correct(trained.values, set())


def test_new_edits_come_first(trained: Trained) -> None:
    for step in (1, 2):
        trained.sampler.old.update(0, step, correct=True)
    assert not trained.all_correct(trained.begin, {0})
    # Nobody looked at it yet.
    assert trained.sampler.old.learned == 1
