"""Whatever two lines of history did to their memories, the merge's hold its facts, each prompt once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from wisedb.canonical import canonical_json, digest
from wisedb.editors.keyed.editor import EDITOR
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.editors.streams import ShardPlan, ShardStream, effective, numbered
from wisedb.edits import Edit
from wisedb.store.commits import MemoryEntry
from wisedb.versioning.fact_changes import facts_of, towards, without
from wisedb.versioning.merging.choices import Choices, settle
from wisedb.versioning.merging.facts import merge_facts
from wisedb.versioning.merging.memories import Version, join

CONFIG = KeyedSettings(shard_capacity=2, replay=1)
State = tuple[ShardStream, ...]

PROMPTS = tuple(f"Question {number}" for number in range(7))
edits = st.builds(Edit, st.sampled_from(PROMPTS), st.sampled_from(["one", "two"]), reason=st.sampled_from([None, "so"]))
steps = st.one_of(
    st.tuples(st.just("commit"), st.lists(edits, min_size=1, max_size=4, unique_by=lambda edit: edit.key)),
    st.tuples(st.just("revert"), st.integers(0, 6)),
)
lines = st.lists(steps, max_size=5)
decisions = st.lists(st.sampled_from(["ours", "theirs", "base", None, {"target": "three"}]), min_size=7, max_size=7)


def after(state: Sequence[ShardStream], plans: Sequence[ShardPlan]) -> State:
    found = {stream.id: stream for stream in state}
    for plan in plans:
        memory = plan.id or digest(canonical_json(plan.mask_seed))
        if plan.stream:
            seed = plan.mask_seed if plan.id is None else found[plan.id].mask_seed
            found[memory] = ShardStream(memory, plan.stream, seed)
        else:
            del found[memory]
    return tuple(found.values())


def walk(state: State, line: Sequence[tuple[str, Any]]) -> State:
    for verb, what in line:
        held = facts_of(state)
        if verb == "commit":
            new = [edit for edit in what if held.get(edit.key) != edit]
            state = after(state, EDITOR.plan(state, new, (), CONFIG, 0))
        elif held:
            state = after(state, EDITOR.plan(state, [], [list(held.values())[what % len(held)].id], CONFIG, 0))
    return state


def version(stream: ShardStream) -> Version:
    ids = [[item.edit.id, [other.id for other in item.replay]] for item in stream.stream]
    delta = digest(canonical_json([stream.id, ids, list(numbered(stream.stream))]))
    return Version(MemoryEntry(stream.id, "shard", {"mask": stream.id, "delta": delta}), stream)


def mains(state: State) -> dict[str, str]:
    return {stream.id: version(stream).entry.main for stream in state}


def choices(conflicts: Sequence[Any], decided: Sequence[Any]) -> Choices:
    each = {conflict.prompt: choice for conflict, choice in zip(conflicts, decided, strict=False)}
    return Choices(each=each)


def merged_state(
    bases: Sequence[State], ours: State, theirs: State, facts: Mapping[str, Edit], losers: Mapping[str, frozenset[str]]
) -> State:
    joined = join(
        [mains(base) for base in bases],
        [version(stream) for stream in ours],
        [version(stream) for stream in theirs],
        facts,
        losers,
        EDITOR,
        CONFIG,
        0,
    )
    return after([each.shard for each in joined.versions], joined.plans)


def check(state: State, facts: Mapping[str, Edit], losers: Mapping[str, frozenset[str]]) -> None:
    assert facts_of(state) == facts
    places = [(item.edit.key, stream.id) for stream in state for item in stream.stream]
    homes = dict(places)
    assert all(homes[key] == memory for key, memory in places), "a prompt lives in two memories"
    lost = {edit_id for ids in losers.values() for edit_id in ids}
    assert not lost & {item.edit.id for stream in state for item in stream.stream}
    assert all(stream.stream for stream in state)
    assert len({stream.mask_seed for stream in state}) == len(state)


@given(lines, lines, lines, decisions)
def test_the_memories_of_a_merge_hold_its_facts(
    shared: list[Any], one: list[Any], other: list[Any], decided: list[Any]
) -> None:
    base = walk((), shared)
    ours, theirs = walk(base, one), walk(base, other)
    merged = merge_facts(facts_of(base), facts_of(ours), facts_of(theirs))
    settled = settle(merged, choices(merged.conflicts, decided))
    made = merged_state([base], ours, theirs, settled.facts, settled.losers)
    check(made, settled.facts, settled.losers)

    # What one side alone changed or made keeps its stream, unless a prompt of it was decided on or is there twice.
    touched = {conflict.key for conflict in merged.conflicts} | {kept.key for kept, _ in merged.doubled}
    result = {stream.id: stream.stream for stream in made}
    before = {stream.id: stream.stream for stream in base}
    sides = [{stream.id: stream.stream for stream in side} for side in (ours, theirs)]
    for mine, others in (sides, sides[::-1]):
        places = {item.edit.key: memory for memory, stream in others.items() for item in effective(stream)}
        for memory, stream in mine.items():
            alone = others.get(memory) == before.get(memory)
            keys = {item.edit.key for item in effective(stream)}
            # (A fact that was taken out and written again on one side is as it was: the other side may take it out.)
            alone = alone and all(settled.facts.get(item.edit.key) == item.edit for item in effective(stream))
            twice = any(places.get(key, memory) != memory for key in keys)
            if alone and not keys & touched and not twice:
                assert result[memory] == stream


@given(lines, lines, lines, lines, decisions)
def test_whatever_the_bases_were_the_facts_are_right(
    one: list[Any], other: list[Any], more: list[Any], least: list[Any], decided: list[Any]
) -> None:
    bases = [walk((), one), walk((), other)]
    ours, theirs = walk(bases[0], more), walk(bases[1], least)
    merged = merge_facts(facts_of(bases[0]), facts_of(ours), facts_of(theirs), {"question 1"})
    settled = settle(merged, choices(merged.conflicts, decided))
    made = merged_state(bases, ours, theirs, settled.facts, settled.losers)
    check(made, settled.facts, settled.losers)


@given(lines, lines, decisions)
def test_going_back_to_the_first_parent_finds_what_is_missing(
    one: list[Any], other: list[Any], decided: list[Any]
) -> None:
    ours, theirs = walk((), one), walk((), other)
    merged = merge_facts({}, facts_of(ours), facts_of(theirs))
    settled = settle(merged, choices(merged.conflicts, decided))
    made = merged_state([()], ours, theirs, settled.facts, settled.losers)
    goals = {key: facts_of(ours).get(key) for key in {*settled.facts, *facts_of(ours)}}
    new, removed = towards(made, goals)
    back = after(made, EDITOR.plan(made, new, removed, CONFIG, 0))
    assert facts_of(back) == facts_of(ours)
    assert facts_of(without(made, removed)).items() <= facts_of(ours).items() | facts_of(made).items()


def test_what_no_longer_fits_goes_into_a_new_memory() -> None:
    one, two, three, four = (Edit(prompt, "one") for prompt in PROMPTS[:4])
    base = walk((), [("commit", [one])])
    ours, theirs = walk(base, [("commit", [two])]), walk(base, [("commit", [three]), ("commit", [four])])
    facts = {edit.key: edit for edit in (one, two, three, four)}
    made = merged_state([base], ours, theirs, facts, {})
    # Theirs filled the shared memory with one more edit and began another one: that stays, ours is full.
    assert [[edit.prompt for edit in stream.in_force] for stream in made] == [
        [one.prompt, two.prompt],
        [four.prompt],
        [three.prompt],
    ]
    assert made[1] == replace(theirs[1], open=True)
