"""A lesson ends when what it taught is right, and when nothing is lost that it had found right."""

from __future__ import annotations

from random import Random

import pytest
import torch
from torch import Tensor

from tests.editors.keyed.fixtures import EDITS, mask_of, prepared, quick
from wisedb.editors.common.subspace import Subspace
from wisedb.editors.keyed.batches import Rows
from wisedb.editors.keyed.sampler import Course
from wisedb.editors.keyed.trainer import LessonWriter
from wisedb.editors.streams import StreamItem

TAUGHT, OTHER = EDITS[:2], EDITS[2:3]


class Class:
    """A lesson, and ΔW after it."""

    def __init__(self) -> None:
        base = prepared("llama")
        config = quick(router="keys", steps=60, margin=0.1, variations=0, contexts=0)
        subspace = Subspace(mask_of(base), base.device)
        rows = Rows(base, config)
        lesson = [StreamItem(edit, batch=1) for edit in TAUGHT]
        self.writer = LessonWriter(base, config, 7, subspace, rows)
        begin = subspace.values(torch.zeros(subspace.shape))
        values, outcomes = self.writer.write(begin, lesson, ())
        assert all(outcome.learned for outcome in outcomes)
        self.course = Course(base, config, lesson, OTHER, rows, Random(0))
        self.delta = subspace.delta(values)

    def examine(self, delta: Tensor) -> bool:
        return self.writer._examine(self.course, delta, 5)


@pytest.fixture(scope="module")
def taught() -> Class:
    return Class()


def test_an_earlier_edit_that_is_not_said_any_more_comes_at_once(taught: Class) -> None:
    taught.course.lost = set()
    assert taught.examine(taught.delta)
    assert taught.course.rehearsal.learned == 0
    assert taught.course.agenda.next()


def test_one_that_was_not_said_before_is_not_waited_for(taught: Class) -> None:
    taught.course.lost = {0}
    assert not taught.examine(taught.delta)


def test_what_is_taught_comes_first(taught: Class) -> None:
    taught.course.lost = set()
    taught.course.rehearsal.mark(0, 1, right=True)
    taught.course.rehearsal.mark(0, 2, right=True)
    assert taught.examine(torch.zeros_like(taught.delta))
    # Nobody looked at it yet.
    assert taught.course.rehearsal.learned == 1
