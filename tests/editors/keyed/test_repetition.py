"""When edits are due: hard ones often, the others ever more rarely, hopeless ones in the end not at all."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wisedb.editors.keyed.repetition import SpacedRepetition


def taught(schedule: SpacedRepetition, steps: int, hard: set[int]) -> list[int]:
    """How often each number from 0 to 19 was seen, if those in ``hard`` are never right."""
    seen = [0] * 20
    for step in range(steps):
        for number in schedule.next():
            seen[number] += 1
            schedule.update(number, step, correct=number not in hard)
    return seen


@given(st.integers(1, 40), st.integers(1, 8), st.integers(0, 5))
def test_a_step_takes_each_at_most_once_and_all_get_their_turn(count: int, size: int, seed: int) -> None:
    schedule = SpacedRepetition(count, size, Random(seed))
    seen: set[int] = set()
    for step in range(4 * count):
        numbers = schedule.next()
        assert len(numbers) == len(set(numbers)) == min(count, size)
        seen.update(numbers)
        for number in numbers:
            schedule.update(number, step, correct=False)
    assert seen == set(range(count))


def test_hard_ones_are_seen_more_often() -> None:
    seen = taught(SpacedRepetition(20, 4, Random(0)), 100, hard={3, 7})
    easy = [times for number, times in enumerate(seen) if number not in {3, 7}]
    assert min(seen[3], seen[7]) > 2 * max(easy)
    assert min(easy) >= 3


def test_it_is_done_when_each_was_right_twice() -> None:
    schedule = SpacedRepetition(20, 20, Random(0))
    taught(schedule, 1, set())
    assert not schedule.done() and schedule.learned == 0
    taught(schedule, 1, set())
    assert schedule.done() and schedule.learned == 20
    schedule.reset([5], 2)
    assert not schedule.done() and schedule.learned == 19
    taught(schedule, 2, set())
    assert schedule.done() and schedule.learned == 20


@pytest.mark.parametrize(("hard", "abandoned"), [({0}, True), ({0, 1, 2, 3, 4, 5}, False)])
def test_few_hopeless_ones_are_abandoned_but_never_many(hard: set[int], abandoned: bool) -> None:
    schedule = SpacedRepetition(20, 4, Random(1))
    taught(schedule, 300, hard)
    assert schedule.abandoned(0) is abandoned
    assert schedule.done() is abandoned
    assert not schedule.abandoned(10)


def test_what_was_known_before_is_not_pressing() -> None:
    schedule = SpacedRepetition(20, 4, Random(0), learned=True)
    assert schedule.done()
    schedule.reset([11], -1)
    assert sum(11 in schedule.next() for _ in range(20)) == 20


def test_nothing_to_learn_is_done() -> None:
    schedule = SpacedRepetition(0, 8, Random(0))
    assert schedule.done() and schedule.next() == [] and schedule.size == 0
