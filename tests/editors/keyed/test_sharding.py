"""Sharding: every edit in force lives in one shard, and only what changes is planned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wisedb.editors.common.seeds import seed_of
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.editors.keyed.sharding import plan
from wisedb.editors.streams import Held, Planned, StreamItem, batches, effective, numbered
from wisedb.edits import Edit

CONFIG = KeyedSettings(shard_capacity=3)


def edit(number: int, target: str = "x") -> Edit:
    return Edit(f"Fact {number} is", target)


def landed(shards: list[Held], plans: list[Planned]) -> list[Held]:
    """The shards after the plans were carried out."""
    after = {shard.id: shard for shard in shards}
    for each in plans:
        name = each.id if each.id is not None else f"mask-{each.seed}"
        assert each.id is not None or name not in after
        assert (each.id is None) == (each.seed is not None)
        after[name] = Held(name, each.stream, int(name.removeprefix("mask-")))
        if not each.stream:
            del after[name]
    return list(after.values())


def test_new_edits_fill_shards_in_order() -> None:
    plans = plan([], [edit(number) for number in range(7)], (), CONFIG, 0)
    assert [[item.edit.prompt for item in each.stream] for each in plans] == [
        ["Fact 0 is", "Fact 1 is", "Fact 2 is"],
        ["Fact 3 is", "Fact 4 is", "Fact 5 is"],
        ["Fact 6 is"],
    ]
    assert len({each.seed for each in plans}) == 3


def test_the_newest_shard_is_filled_before_another_is_opened() -> None:
    shards = landed([], plan([], [edit(number) for number in range(4)], (), CONFIG, 0))
    plans = plan(shards, [edit(8)], (), CONFIG, 0)
    assert [(each.id, len(each.stream)) for each in plans] == [(shards[1].id, 2)]


def test_a_passage_takes_up_as_much_as_many_facts() -> None:
    long = [edit(number, "word " * 16) for number in range(4)]
    short = [edit(number, "word " * 15) for number in range(4, 8)]
    plans = plan([], [*long, *short], (), CONFIG, 0)
    assert [[item.edit.prompt for item in each.stream] for each in plans] == [
        ["Fact 0 is", "Fact 1 is"],
        ["Fact 2 is", "Fact 3 is"],
        ["Fact 4 is", "Fact 5 is", "Fact 6 is"],
        ["Fact 7 is"],
    ]


def test_what_a_passage_takes_up_is_free_again_once_it_is_replaced_or_taken_out() -> None:
    passage = edit(0, "word " * 24)
    shards = landed([], plan([], [passage], (), CONFIG, 0))
    assert [each.id for each in plan(shards, [edit(1)], (), CONFIG, 0)] == [None]
    shards = landed(shards, plan(shards, [edit(0, "short")], (), CONFIG, 0))
    assert [each.id for each in plan(shards, [edit(1)], (), CONFIG, 0)] == [shards[0].id]
    again = landed([], plan([], [edit(2), passage], (), CONFIG, 0))
    assert [each.id for each in plan(again, [edit(1)], [passage.id], CONFIG, 0)] == [again[0].id]


def test_a_correction_goes_to_the_shard_of_what_it_corrects() -> None:
    shards = landed([], plan([], [edit(number) for number in range(5)], (), CONFIG, 0))
    newer = Edit("FACT  0 is", "y")
    plans = plan(shards, [newer], (), CONFIG, 0)
    assert [each.id for each in plans] == [shards[0].id]
    assert [item.edit for item in plans[0].stream] == [edit(0), edit(1), edit(2), newer]
    assert [item.edit for item in effective(plans[0].stream)] == [edit(1), edit(2), newer]


def test_taking_the_correction_out_brings_the_older_edit_back() -> None:
    shards = landed([], plan([], [edit(0), edit(1)], (), CONFIG, 0))
    newer = edit(0, "y")
    shards = landed(shards, plan(shards, [newer], (), CONFIG, 0))
    shards = landed(shards, plan(shards, [], {newer.id}, CONFIG, 0))
    assert shards[0].in_force == (edit(0), edit(1))


def test_a_removed_edit_frees_its_place() -> None:
    shards = landed([], plan([], [edit(number) for number in range(3)], (), CONFIG, 0))
    plans = plan(shards, [edit(9)], {edit(1).id}, CONFIG, 0)
    assert [[item.edit for item in each.stream] for each in plans] == [[edit(0), edit(2), edit(9)]]


def test_a_shard_without_edits_goes() -> None:
    shards = landed([], plan([], [edit(0)], (), CONFIG, 0))
    assert plan(shards, [], {edit(0).id}, CONFIG, 0) == [Planned(shards[0].id, None, ())]


def test_an_edit_in_force_is_not_written_twice() -> None:
    shards = landed([], plan([], [edit(0), edit(1)], (), CONFIG, 0))
    assert plan(shards, [edit(1)], (), CONFIG, 0) == []


def test_planning_one_by_one_fills_the_same_shards_as_planning_at_once() -> None:
    edits = [edit(number) for number in range(8)]
    at_once = landed([], plan([], edits, (), CONFIG, 5))
    one_by_one: list[Held] = []
    for each in edits:
        one_by_one = landed(one_by_one, plan(one_by_one, [each], (), CONFIG, 5))
    assert [(shard.id, shard.in_force) for shard in one_by_one] == [(shard.id, shard.in_force) for shard in at_once]
    assert all(len(list(batches(shard.stream))) == len(shard.stream) for shard in one_by_one)


def grouped(stream: tuple[StreamItem, ...]) -> list[list[Edit]]:
    return [[item.edit for item in batch] for batch in batches(stream)]


def test_what_one_plan_writes_into_a_shard_is_one_batch() -> None:
    config = replace(CONFIG, shard_capacity=5)
    shards = landed([], plan([], [edit(0), edit(1)], (), config, 0))
    shards = landed(shards, plan(shards, [edit(number) for number in range(2, 7)], (), config, 0))
    assert [grouped(shard.stream) for shard in shards] == [
        [[edit(0), edit(1)], [edit(2), edit(3), edit(4)]],
        [[edit(5), edit(6)]],
    ]


def test_batches_stay_apart_when_one_between_them_goes() -> None:
    config = replace(CONFIG, shard_capacity=9)
    shards: list[Held] = []
    for number in range(0, 6, 2):
        shards = landed(shards, plan(shards, [edit(number), edit(number + 1)], (), config, 0))
    plans = plan(shards, [edit(8)], {edit(1).id, edit(2).id, edit(3).id}, config, 0)
    assert grouped(plans[0].stream) == [[edit(0)], [edit(4), edit(5)], [edit(8)]]


@given(st.lists(st.one_of(st.none(), st.integers(0, 3)), max_size=12))
def test_numbering_anew_keeps_the_batches(numbers: list[int | None]) -> None:
    stream = tuple(StreamItem(edit(place), batch=number) for place, number in enumerate(numbers))
    again = tuple(StreamItem(item.edit, batch=number) for item, number in zip(stream, numbered(stream), strict=True))
    assert grouped(again) == grouped(stream)
    assert numbered(again) == numbered(stream)
    assert tuple(chain.from_iterable(batches(stream))) == stream


@given(
    steps=st.lists(
        st.tuples(
            st.lists(st.tuples(st.integers(0, 9), st.sampled_from("xyz")), max_size=4), st.sets(st.integers(0, 9))
        ),
        max_size=6,
    ),
    seed=st.integers(0, 3),
)
def test_one_prompt_never_lives_in_two_shards(steps: list[tuple[list[tuple[int, str]], set[int]]], seed: int) -> None:
    shards: list[Held] = []
    for new, gone in steps:
        in_force = [held for shard in shards for held in shard.in_force]
        removed = {held.id for number, held in enumerate(in_force) if number in gone}
        edits = list({edit(number, target).key: edit(number, target) for number, target in new}.values())
        before = {shard.id: shard.stream for shard in shards}
        plans = plan(shards, edits, removed, CONFIG, seed)
        assert all(each.id is None or each.stream != before[each.id] for each in plans)
        shards = landed(shards, plans)
        keys = [held.key for shard in shards for held in shard.in_force]
        assert len(keys) == len(set(keys))
        assert {each.id for each in edits} <= {held.id for shard in shards for held in shard.in_force}
        assert all(shard.stream for shard in shards)
        homes = [{item.edit.key for item in shard.stream} for shard in shards]
        assert sum(len(home) for home in homes) == len(set().union(*homes))


def test_effective_keeps_the_order_of_what_counts() -> None:
    stream = tuple(StreamItem(each) for each in (edit(0), edit(1), edit(0, "y"), edit(2)))
    assert [item.edit for item in effective(stream)] == [edit(1), edit(0, "y"), edit(2)]


def test_an_edit_that_opens_a_second_shard_gets_a_second_mask() -> None:
    config = KeyedSettings(shard_capacity=2)
    shards = landed([], plan([], [edit(0), edit(1)], (), config, 0))
    shards = landed(shards, plan(shards, [edit(2)], {edit(0).id}, config, 0))
    shards = landed(shards, plan(shards, [edit(0)], (), config, 0))
    assert [len(shard.stream) for shard in shards] == [2, 1]
    assert len({shard.seed for shard in shards}) == 2


def plainly(shards: list[Held], new: list[Edit], removed: set[str], config: KeyedSettings, seed: int) -> list[Planned]:
    """The same plan from its definition alone: everything is looked through anew for every edit."""
    ids: list[str | None] = [shard.id for shard in shards]
    seeds = [shard.seed for shard in shards]
    streams = [[item for item in shard.stream if item.edit.id not in removed] for shard in shards]
    closed = {place for place, shard in enumerate(shards) if not shard.open}
    numbers = {place: 1 + max((item.batch or 0 for item in stream), default=-1) for place, stream in enumerate(streams)}
    for edit in new:
        homes = [place for place, stream in enumerate(streams) if any(item.edit.key == edit.key for item in stream)]
        if homes and any(item.edit.id == edit.id for item in effective(streams[homes[0]])):
            continue
        if not homes:
            homes = [place for place, stream in enumerate(streams) if stream and place not in closed][-1:]
            if not homes or len(effective(streams[homes[0]])) >= config.shard_capacity:
                tried = 0
                while (mask := seed_of(seed, "mask", edit.id, *([str(tried)] if tried else []))) in seeds:
                    tried += 1
                ids.append(None)
                seeds.append(mask)
                streams.append([])
                homes = [len(streams) - 1]
        streams[homes[0]].append(StreamItem(edit, batch=numbers.setdefault(homes[0], 0)))
    before = [shard.stream for shard in shards] + [()] * len(streams)
    return [
        Planned(name, mask if name is None else None, tuple(stream))
        for name, mask, stream, old in zip(ids, seeds, streams, before, strict=False)
        if tuple(stream) != old
    ]


def grown(capacity: int, edits: int, seed: int) -> Iterator[tuple[list[Planned], list[Planned]]]:
    """Both plans of six commits that add, correct and remove, with shards that close in between."""
    chooser = Random(seed)
    config = KeyedSettings(shard_capacity=capacity)
    shards: list[Held] = []
    for _ in range(6):
        chosen = (edit(chooser.randrange(3 * edits), chooser.choice("xyz")) for _ in range(edits))
        new = list({each.key: each for each in chosen}.values())
        removed = {held.id for shard in shards for held in shard.in_force if chooser.random() < 0.1}
        plans = plan(shards, new, removed, config, seed)
        yield plans, plainly(shards, new, removed, config, seed)
        shards = [replace(shard, open=chooser.random() < 0.8) for shard in landed(shards, plans)]


@pytest.mark.parametrize(("capacity", "edits", "seed"), [(3, 8, 0), (1, 40, 1), (10, 60, 3), (50, 90, 4)])
def test_the_quick_way_plans_what_the_plain_way_does(capacity: int, edits: int, seed: int) -> None:
    for quick, plain in grown(capacity, edits, seed):
        assert quick == plain


def test_edits_on_one_subject_share_a_shard() -> None:
    def about(number: int, subject: str) -> Edit:
        return Edit(f"Fact {number} of {subject} is", "x", subject=subject)

    edits = [about(number, subject) for number, subject in enumerate(("A", "B", "C", "a ", "A", "A", "A"))]
    held = [[item.edit for item in each.stream] for each in plan([], edits, (), KeyedSettings(shard_capacity=2), 0)]
    # The third A finds room beyond the capacity, the others don't.
    assert held == [[edits[0], edits[1], edits[3]], [edits[2], edits[4]], [edits[5], edits[6]]]


def test_a_subject_that_nobody_named_is_guessed() -> None:
    edits = [Edit(f"{what} of Laos is", "x") for what in ("The capital", "The river", "The king")]
    others = [Edit(f"The capital of {name} is", "x") for name in ("Peru", "Chad")]
    held = plan([], [edits[0], *others, *edits[1:]], (), KeyedSettings(shard_capacity=2), 0)
    assert [item.edit for item in held[0].stream] == [edits[0], others[0], edits[1]]
