"""What the steps of a lesson hold: every edit and every view gets its turn, however long the answers are."""

from __future__ import annotations

from random import Random

import pytest

from tests.editors.keyed.fixtures import EDITS, prepared, quick
from wisedb.editors.keyed.batches import Rows
from wisedb.editors.keyed.sampler import Course, rehearsed, repairs
from wisedb.editors.streams import StreamItem
from wisedb.edits import Edit

LONG = tuple(Edit(edit.prompt, " ".join(["play of France"] * 30)) for edit in EDITS)


def course(lesson: tuple[Edit, ...], earlier: tuple[Edit, ...] = ()) -> Course:
    base, config = prepared("llama"), quick(router="keys", batch=16, rehearsal=8)
    items = [StreamItem(edit) for edit in lesson]
    return Course(base, config, items, earlier, Rows(base, config), Random(0))


def test_facts_are_counted_one_by_one() -> None:
    assert course(EDITS).steps(40) == 40
    assert course(EDITS[:1]).steps(7) == 7
    many = tuple(Edit(f"Capital {number} of the play", "Paris") for number in range(40))
    assert course(many).steps(40) == 100
    assert course(many, EDITS[:3]).steps(13) == 40


def test_passages_are_counted_by_their_seats() -> None:
    taught = course(LONG)
    seats = [taught.fresh.seats(number) for number in range(4)]
    assert min(seats) > 4
    assert taught.steps(40) == -(-40 * sum(seats) // 16)


@pytest.mark.parametrize("earlier", [(), LONG[2:]])
def test_a_step_stays_within_its_seats_and_all_get_their_turn(earlier: tuple[Edit, ...]) -> None:
    taught = course(LONG[:2], earlier)
    seen: set[tuple[int, int]] = set()
    known: set[int] = set()
    for now in range(60):
        step = taught.next()
        for sheet, picks, seats in ((taught.fresh, step.fresh, 16 - len(earlier)), (taught.known, step.known, 2)):
            assert len(picks) <= 1 or sum(sheet.seats(edit) for edit, _ in picks) <= seats
        taught.mark(step, [False] * (len(step.fresh) + len(step.known)), now)
        seen.update(step.fresh)
        known.update(edit for edit, _ in step.known)
    assert seen == {(edit, view) for edit in range(2) for view in range(taught.fresh.views(edit))}
    assert known == set(range(len(earlier)))


def test_a_lone_fact_is_taught_in_several_views_at_once_a_lone_passage_in_one() -> None:
    fact, passage = course(EDITS[:1]), course(LONG[:1])
    assert len(fact.next().fresh) == fact.fresh.views(0) > 2
    assert passage.fresh.seats(0) * 2 > 16
    assert len(passage.next().fresh) == 1


def test_a_lesson_of_passages_is_told_from_one_of_facts() -> None:
    assert course(LONG).long and course(LONG[:1]).long
    assert not course(EDITS).long and not course((*EDITS, Edit("A play?", "play " * 12 + "play"))).long


def test_what_was_lost_is_repaired_each_time_that_a_shard_has_grown_by_eight() -> None:
    assert [earlier for earlier in range(20) if repairs(earlier, 1)] == [7, 15]
    assert repairs(0, 8) and repairs(13, 8) and not repairs(0, 7)


def test_a_lesson_rehearses_a_whole_shard_of_moderate_size_and_a_part_of_a_large_one() -> None:
    edits = [Edit(f"Capital {number} of the play", "Paris") for number in range(303)]
    assert rehearsed(edits[:125], 1, Random(0)) == edits[:125]
    some = rehearsed(edits[:300], 1, Random(0))
    assert len(some) == 128 and [edit for edit in edits if edit in some] == some
    assert some != rehearsed(edits[:300], 1, Random(1))
    assert rehearsed(edits, 1, Random(0)) == edits
