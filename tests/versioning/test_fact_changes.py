"""From the facts that shall be in force to what is written and what is taken out."""

from __future__ import annotations

from wisedb.config import EditorChoice
from wisedb.editors.streams import Held, StreamItem
from wisedb.edits import Edit
from wisedb.versioning.fact_changes import facts_of, plan_fact_changes, without_edits
from wisedb.versioning.streams import Owned

OLD, NEW, OTHER = Edit("Who?", "Ada"), Edit("who?", "Ben"), Edit("Where?", "Here")


def held(*streams: tuple[Edit, ...]) -> list[Owned]:
    """Memories that hold such streams."""
    return [
        Owned(EditorChoice("keyed"), Held(str(number), tuple(StreamItem(edit) for edit in stream), None, True))
        for number, stream in enumerate(streams)
    ]


def test_what_no_memory_holds_is_written() -> None:
    assert plan_fact_changes(held((OTHER,)), {OLD.key: OLD}) == ([OLD], set())
    assert plan_fact_changes([], {OLD.key: OLD, OTHER.key: None}) == ([OLD], set())


def test_what_lies_below_newer_edits_comes_back_without_being_written() -> None:
    assert plan_fact_changes(held((OLD, OTHER, NEW)), {OLD.key: OLD}) == ([], {NEW.id})
    assert plan_fact_changes(held((OLD, NEW, OTHER)), {OLD.key: NEW}) == ([], set())


def test_no_fact_takes_out_all_edits_of_the_prompt_everywhere() -> None:
    assert plan_fact_changes(held((OLD, NEW), (OTHER, OLD)), {OLD.key: None}) == ([], {OLD.id, NEW.id})


def test_what_came_twice_counts_where_it_came_last() -> None:
    assert plan_fact_changes(held((OLD, NEW, OLD)), {OLD.key: OLD}) == ([], set())


def test_prompts_without_a_goal_are_left_alone() -> None:
    assert plan_fact_changes(held((OTHER,), (OLD,)), {}) == ([], set())


def test_facts_are_the_newest_of_each_prompt_and_follow_what_is_taken_out() -> None:
    memories = held((OLD, OTHER, NEW))
    assert facts_of(memories) == {NEW.key: NEW, OTHER.key: OTHER}
    assert facts_of(without_edits(memories, {NEW.id})) == {OLD.key: OLD, OTHER.key: OTHER}
    assert facts_of(without_edits(memories, {OLD.id, NEW.id, OTHER.id})) == {}
    assert facts_of(memories) == {NEW.key: NEW, OTHER.key: OTHER}
