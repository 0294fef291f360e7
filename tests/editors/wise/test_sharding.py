"""Edits fill shards in the order of arrival, each with edits of other shards to be replayed."""

from __future__ import annotations

from wisedb.editors.streams import Held, StreamItem
from wisedb.editors.wise.sharding import plan
from wisedb.edits import Edit

EDITS = [Edit(f"question {number}", "answer") for number in range(6)]


def held(name: str, *edits: Edit) -> Held:
    return Held(name, tuple(StreamItem(edit) for edit in edits), seed=len(edits))


def test_shards_fill_up_in_order() -> None:
    plans = plan([], EDITS[:5], (), 2, 0, 0)
    assert [[item.edit for item in each.stream] for each in plans] == [EDITS[:2], EDITS[2:4], EDITS[4:5]]
    assert len({each.seed for each in plans}) == 3 and all(each.id is None for each in plans)


def test_a_shard_that_has_room_is_filled_first() -> None:
    (grown, begun) = plan([held("a", *EDITS[:1])], EDITS[1:3], (), 2, 0, 0)
    assert grown.id == "a" and [item.edit for item in grown.stream] == EDITS[:2]
    assert begun.id is None and [item.edit for item in begun.stream] == EDITS[2:3]


def test_edits_of_other_shards_are_replayed() -> None:
    (begun,) = plan([held("a", *EDITS[:2]), held("b", *EDITS[2:4])], EDITS[4:5], (), 2, 3, 0)
    replayed = begun.stream[0].companions
    assert len(replayed) == 3 and set(replayed) <= set(EDITS[:4])
    assert plan([held("a", *EDITS[:2]), held("b", *EDITS[2:4])], EDITS[4:5], (), 2, 3, 0) == [begun]


def test_who_is_replayed_does_not_hang_on_the_others() -> None:
    whole = plan([held("a", *EDITS[:5])], EDITS[5:], (), 5, 2, 0)[-1].stream[0].companions
    assert len(whole) == 2
    left = [edit for edit in EDITS[:5] if edit != whole[0]]
    without = plan([held("a", *left)], EDITS[5:], (), 4, 2, 0)[-1].stream[0].companions
    assert whole[1] in without and len(without) == 2


def test_what_is_taken_out_is_replayed_no_more() -> None:
    (begun,) = plan([held("a", *EDITS[:5])], EDITS[5:], (), 5, 2, 0)
    gone = begun.stream[0].companions[0]
    there = [held("a", *EDITS[:5]), Held("b", begun.stream, begun.seed)]
    first, second = plan(there, [], [gone.id], 5, 2, 0)
    left = [edit for edit in EDITS[:5] if edit != gone]
    assert [item.edit for item in first.stream] == left
    (never_there,) = plan([held("a", *left)], EDITS[5:], (), 4, 2, 0)
    assert second.id == "b" and second.stream == never_there.stream


def test_a_shard_that_did_not_hear_of_it_stays() -> None:
    (begun,) = plan([held("a", *EDITS[:5])], EDITS[5:], (), 5, 2, 0)
    unheard = next(edit for edit in EDITS[:5] if edit not in begun.stream[0].companions)
    there = [held("a", *EDITS[:5]), Held("b", begun.stream, begun.seed)]
    assert [each.id for each in plan(there, [], [unheard.id], 5, 2, 0)] == ["a"]
