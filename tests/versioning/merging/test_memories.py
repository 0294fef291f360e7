"""Whatever two lines of history did to their memories, the merge's hold its facts, each prompt once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from wisedb.canonical import canonical_json, digest
from wisedb.config import EditorChoice
from wisedb.editors.registry import chosen
from wisedb.editors.streams import Held, effective, numbered
from wisedb.edits import Edit
from wisedb.store.memory_entry import MemoryEntry
from wisedb.versioning.fact_changes import facts_of, plan_fact_changes, without_edits
from wisedb.versioning.merging.choices import Choices, resolve_conflicts
from wisedb.versioning.merging.facts import merge_facts
from wisedb.versioning.merging.memories import Version, join
from wisedb.versioning.planning import NewEdits, Plan, plan
from wisedb.versioning.streams import Owned

CHOICE = chosen(EditorChoice("keyed", {"shard_capacity": 2}))
State = tuple[Owned, ...]

PROMPTS = tuple(f"Question {number}" for number in range(7))
edits = st.builds(Edit, st.sampled_from(PROMPTS), st.sampled_from(["one", "two"]), reason=st.sampled_from([None, "so"]))
steps = st.one_of(
    st.tuples(st.just("commit"), st.lists(edits, min_size=1, max_size=4, unique_by=lambda edit: edit.key)),
    st.tuples(st.just("revert"), st.integers(0, 6)),
)
lines = st.lists(steps, max_size=5)
decisions = st.lists(st.sampled_from(["ours", "theirs", "base", None, {"target": "three"}]), min_size=7, max_size=7)


def after(state: Sequence[Owned], plans: Sequence[Plan]) -> State:
    found = {owned.held.id: owned for owned in state}
    for each in plans:
        planned = each.planned
        memory = planned.id or digest(canonical_json(planned.seed))
        if planned.stream:
            seed = planned.seed if planned.id is None else found[memory].held.seed
            found[memory] = Owned(each.owner, Held(memory, planned.stream, seed))
        else:
            del found[memory]
    return tuple(found.values())


def walk(state: State, line: Sequence[tuple[str, Any]]) -> State:
    for verb, what in line:
        held = facts_of(state)
        if verb == "commit":
            new = tuple(edit for edit in what if held.get(edit.key) != edit)
            state = after(state, plan(state, [NewEdits(CHOICE, new)], ()))
        elif held:
            state = after(state, plan(state, [], [list(held.values())[what % len(held)].id]))
    return state


def version(owned: Owned) -> Version:
    held = owned.held
    ids = [[item.edit.id, [other.id for other in item.companions]] for item in held.stream]
    main = digest(canonical_json([held.id, ids, list(numbered(held.stream))]))
    blobs = {"mask": held.id, "delta": main}
    return Version(MemoryEntry(held.id, "masked_delta", "keys", CHOICE, ("mlp",), main, blobs), owned)


def mains(state: State) -> dict[str, str]:
    return {owned.held.id: version(owned).entry.main for owned in state}


def choices(conflicts: Sequence[Any], decided: Sequence[Any]) -> Choices:
    each = {conflict.prompt: choice for conflict, choice in zip(conflicts, decided, strict=False)}
    return Choices(each=each)


def merged_state(
    bases: Sequence[State], ours: State, theirs: State, facts: Mapping[str, Edit], losers: Mapping[str, frozenset[str]]
) -> State:
    joined = join(
        [mains(base) for base in bases],
        [version(owned) for owned in ours],
        [version(owned) for owned in theirs],
        facts,
        losers,
        CHOICE,
    )
    return after([each.owned for each in joined.versions], joined.plans)


def check(state: State, facts: Mapping[str, Edit], losers: Mapping[str, frozenset[str]]) -> None:
    assert facts_of(state) == facts
    places = [(item.edit.key, owned.held.id) for owned in state for item in owned.held.stream]
    homes = dict(places)
    assert all(homes[key] == memory for key, memory in places), "a prompt lives in two memories"
    lost = {edit_id for ids in losers.values() for edit_id in ids}
    assert not lost & {item.edit.id for owned in state for item in owned.held.stream}
    assert all(owned.held.stream for owned in state)
    assert len({owned.held.seed for owned in state}) == len(state)


@given(lines, lines, lines, decisions)
def test_the_memories_of_a_merge_hold_its_facts(
    shared: list[Any], one: list[Any], other: list[Any], decided: list[Any]
) -> None:
    base = walk((), shared)
    ours, theirs = walk(base, one), walk(base, other)
    merged = merge_facts(facts_of(base), facts_of(ours), facts_of(theirs))
    settled = resolve_conflicts(merged, choices(merged.conflicts, decided))
    made = merged_state([base], ours, theirs, settled.facts, settled.losers)
    check(made, settled.facts, settled.losers)

    # What one side alone changed or made keeps its stream, unless a prompt of it was decided on or is there twice.
    touched = {conflict.key for conflict in merged.conflicts} | {kept.key for kept, _ in merged.doubled}
    result, before, *sides = [
        {owned.held.id: owned.held.stream for owned in state} for state in (made, base, ours, theirs)
    ]
    for mine, others in (sides, sides[::-1]):
        places = {item.edit.key: memory for memory, stream in others.items() for item in effective(stream)}
        for memory, stream in mine.items():
            alone = others.get(memory) == before.get(memory)
            keys = {item.edit.key for item in effective(stream)}
            # (A fact that was taken out and written again on one side is as it was: the other side may take it out.)
            alone = alone and all(settled.facts.get(item.edit.key) == item.edit for item in effective(stream))
            twice = any(places.get(key, memory) != memory for key in keys)
            # (Nor one whose fact was written again elsewhere on its side: where it is full there, it comes back here.)
            moved = {key for key, place in places.items() if place == memory} - keys
            if alone and not keys & touched and not twice and not moved & set(settled.facts):
                assert result[memory] == stream


@given(lines, lines, lines, lines, decisions)
def test_whatever_the_bases_were_the_facts_are_right(
    one: list[Any], other: list[Any], more: list[Any], least: list[Any], decided: list[Any]
) -> None:
    bases = [walk((), one), walk((), other)]
    ours, theirs = walk(bases[0], more), walk(bases[1], least)
    merged = merge_facts(facts_of(bases[0]), facts_of(ours), facts_of(theirs), {"question 1"})
    settled = resolve_conflicts(merged, choices(merged.conflicts, decided))
    made = merged_state(bases, ours, theirs, settled.facts, settled.losers)
    check(made, settled.facts, settled.losers)


@given(lines, lines, decisions)
def test_going_back_to_the_first_parent_finds_what_is_missing(
    one: list[Any], other: list[Any], decided: list[Any]
) -> None:
    ours, theirs = walk((), one), walk((), other)
    merged = merge_facts({}, facts_of(ours), facts_of(theirs))
    settled = resolve_conflicts(merged, choices(merged.conflicts, decided))
    made = merged_state([()], ours, theirs, settled.facts, settled.losers)
    goals = {key: facts_of(ours).get(key) for key in {*settled.facts, *facts_of(ours)}}
    new, removed = plan_fact_changes(made, goals)
    back = after(made, plan(made, [NewEdits(CHOICE, tuple(new))], removed))
    assert facts_of(back) == facts_of(ours)
    assert facts_of(without_edits(made, removed)).items() <= facts_of(ours).items() | facts_of(made).items()


def test_what_no_longer_fits_goes_into_a_new_memory() -> None:
    one, two, three, four = (Edit(prompt, "one") for prompt in PROMPTS[:4])
    base = walk((), [("commit", [one])])
    ours, theirs = walk(base, [("commit", [two])]), walk(base, [("commit", [three]), ("commit", [four])])
    facts = {edit.key: edit for edit in (one, two, three, four)}
    made = merged_state([base], ours, theirs, facts, {})
    # Theirs filled the shared memory with one more edit and began another one: that stays, ours is full.
    assert [[edit.prompt for edit in owned.held.in_force] for owned in made] == [
        [one.prompt, two.prompt],
        [four.prompt],
        [three.prompt],
    ]
    assert made[1] == theirs[1]
