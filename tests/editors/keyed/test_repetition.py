"""When edits are due: hard ones often, the others ever more rarely, hopeless ones in the end not at all."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wisedb.editors.keyed.repetition import Agenda


def taught(agenda: Agenda, steps: int, hard: set[int]) -> list[int]:
    """How often each number from 0 to 19 was seen, if those in ``hard`` are never right."""
    seen = [0] * 20
    for step in range(steps):
        for number in agenda.next():
            seen[number] += 1
            agenda.mark(number, step, right=number not in hard)
    return seen


@given(st.integers(1, 40), st.integers(1, 8), st.integers(0, 5))
def test_a_step_takes_each_at_most_once_and_all_get_their_turn(count: int, seats: int, seed: int) -> None:
    agenda = Agenda(count, seats, Random(seed))
    seen: set[int] = set()
    for step in range(4 * count):
        numbers = agenda.next()
        assert len(numbers) == len(set(numbers)) == min(count, seats)
        seen.update(numbers)
        for number in numbers:
            agenda.mark(number, step, right=False)
    assert seen == set(range(count))


def test_hard_ones_are_seen_more_often() -> None:
    seen = taught(Agenda(20, 4, Random(0)), 100, hard={3, 7})
    easy = [times for number, times in enumerate(seen) if number not in {3, 7}]
    assert min(seen[3], seen[7]) > 2 * max(easy)
    assert min(easy) >= 3


def test_it_is_done_when_each_was_right_twice() -> None:
    agenda = Agenda(20, 20, Random(0))
    taught(agenda, 1, set())
    assert not agenda.done() and agenda.learned == 0
    taught(agenda, 1, set())
    assert agenda.done() and agenda.learned == 20
    agenda.press([5], 2)
    assert not agenda.done() and agenda.learned == 19
    taught(agenda, 2, set())
    assert agenda.done() and agenda.learned == 20


@pytest.mark.parametrize(("hard", "given_up"), [({0}, True), ({0, 1, 2, 3, 4, 5}, False)])
def test_few_hopeless_ones_are_given_up_but_never_many(hard: set[int], given_up: bool) -> None:
    agenda = Agenda(20, 4, Random(1))
    taught(agenda, 300, hard)
    assert agenda.given_up(0) is given_up
    assert agenda.done() is given_up
    assert not agenda.given_up(10)


def test_what_was_known_before_is_not_pressing() -> None:
    agenda = Agenda(20, 4, Random(0), known=True)
    assert agenda.done()
    agenda.press([11], -1)
    assert sum(11 in agenda.next() for _ in range(20)) == 20


def test_nothing_to_learn_is_done() -> None:
    agenda = Agenda(0, 8, Random(0))
    assert agenda.done() and agenda.next() == [] and agenda.seats == 0
