"""The plan of editors that write one edit after the other: where an edit goes, and what it takes along."""

from __future__ import annotations

from collections.abc import Sequence

from wisedb.editors.common.in_order import new_seed, plan_in_order
from wisedb.editors.streams import Held, Planned, StreamItem
from wisedb.edits import Edit

A, B, C = (Edit(f"Question {name}", "answer") for name in "abc")
NEWER = Edit("question A", "another answer")


def memory(name: str, *edits: Edit, seed: int | None = None, open_: bool = True) -> Held:
    return Held(name, tuple(StreamItem(edit) for edit in edits), seed, open_)


def shown(plans: Sequence[Planned]) -> list[tuple[str | None, list[Edit]]]:
    return [(planned.id, [item.edit for item in planned.stream]) for planned in plans]


def test_new_edits_go_behind_the_others_of_the_newest_open_memory() -> None:
    held = [memory("one", A), memory("two", B), memory("closed", C, open_=False)]
    assert shown(plan_in_order(held, [NEWER], (), 0)) == [("one", []), ("two", [B, NEWER])]
    assert plan_in_order(held, [A], (), 0) == [], "what is in force is not written again"


def test_where_no_memory_is_open_one_is_begun_with_a_seed_of_its_own() -> None:
    closed = memory("closed", A, seed=new_seed(5, B, ()), open_=False)
    (made,) = plan_in_order([closed], [B, C], (), 5)
    assert made.id is None and [item.edit for item in made.stream] == [B, C]
    assert made.seed is not None and made.seed != closed.seed and made.seed < 1 << 60


def test_a_full_memory_leaves_the_rest_to_the_next() -> None:
    plans = plan_in_order([memory("one", A)], [B, C], (), 0, capacity=1)
    assert shown(plans) == [(None, [B]), (None, [C])]
    assert len({planned.seed for planned in plans}) == 2


def test_what_is_taken_out_is_out_everywhere_and_an_empty_memory_goes() -> None:
    held = [memory("one", A, B), memory("two", A)]
    assert shown(plan_in_order(held, [], {A.id}, 0)) == [("one", [B]), ("two", [])]
    # A newer edit of the same memory uncovers the older one.
    assert shown(plan_in_order([memory("one", A, NEWER)], [], {NEWER.id}, 0)) == [("one", [A])]


def test_companions_are_edits_in_force_elsewhere_and_are_chosen_anew_where_one_goes() -> None:
    def first(edit: Edit, others: Sequence[Edit]) -> Sequence[Edit]:
        return others[:1]

    held = [memory("one", A, B), Held("two", (StreamItem(C, (A,)),))]
    (planned,) = plan_in_order(held, [NEWER], (), 0, companions=first)[-1:]
    assert planned.id == "two" and planned.stream[-1] == StreamItem(NEWER, (B,))
    gone = plan_in_order(held, [], {A.id}, 0, companions=first)
    assert gone[-1].stream == (StreamItem(C, (B,)),)


def test_what_is_written_together_is_one_batch_of_its_own() -> None:
    (first,) = plan_in_order([], [A, B], (), 0, together=True)
    assert [item.batch for item in first.stream] == [0, 0]
    held = [Held("one", first.stream)]
    (then,) = plan_in_order(held, [C], (), 0, together=True)
    assert [item.batch for item in then.stream] == [0, 0, 1]
    (without,) = plan_in_order([Held("one", then.stream)], [NEWER], {B.id}, 0, together=True)
    assert [(item.edit, item.batch) for item in without.stream] == [(A, 0), (C, 1), (NEWER, 2)]
    (alone,) = plan_in_order(held, [C], (), 0)
    assert [item.batch for item in alone.stream] == [0, 0, None]
