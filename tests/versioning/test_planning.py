"""Each memory is planned by the editor that began it; a prompt lives in one place, whoever wrote it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from wisedb.canonical import canonical_json, digest
from wisedb.config import EditorChoice
from wisedb.editors.registry import chosen
from wisedb.editors.streams import Held
from wisedb.edits import Edit
from wisedb.versioning.fact_changes import facts_of
from wisedb.versioning.planning import NewEdits, Plan, in_force_after, plan
from wisedb.versioning.streams import Owned

KEYED = chosen(EditorChoice("keyed", {"shard_capacity": 2, "replay": 1}))
OTHERWISE = chosen(KEYED, settings={"steps": 7})
ROME = chosen(EditorChoice("rome"))
CHOICES = (KEYED, OTHERWISE, ROME)

PROMPTS = tuple(f"Question {number}" for number in range(6))
ONE, TWO, THREE = (Edit(prompt, "one") for prompt in PROMPTS[:3])
State = tuple[Owned, ...]


def after(state: State, plans: list[Plan]) -> State:
    found = {owned.held.id: owned for owned in state}
    for each in plans:
        planned = each.planned
        if planned.id is None:
            memory = digest(canonical_json([planned.seed, each.owner.name]))
            assert memory not in found and planned.stream
            found[memory] = Owned(each.owner, Held(memory, planned.stream, planned.seed))
            continue
        # Whoever began a memory goes on with it, with the settings that it was begun with.
        assert each.owner == found[planned.id].owner
        held = replace(found[planned.id].held, stream=planned.stream)
        found[planned.id] = replace(found[planned.id], held=held)
        if not planned.stream:
            del found[planned.id]
    return tuple(found.values())


def commit(state: State, choice: EditorChoice, *edits: Edit) -> State:
    return after(state, plan(state, [NewEdits(choice, edits)], ()))


def held_by(state: State) -> list[tuple[str, list[str]]]:
    return [(owned.owner.name, [f"{e.prompt} {e.target}" for e in owned.held.in_force]) for owned in state]


def test_new_edits_go_to_the_editor_that_is_asked() -> None:
    state = commit(commit((), KEYED, ONE), ROME, TWO)
    assert held_by(state) == [("keyed", ["Question 0 one"]), ("rome", ["Question 1 one"])]
    assert held_by(commit(state, KEYED, THREE)) == [
        ("keyed", ["Question 0 one", "Question 2 one"]),
        ("rome", ["Question 1 one"]),
    ]


def test_memories_that_were_begun_otherwise_take_no_new_edits() -> None:
    state = commit(commit((), KEYED, ONE), OTHERWISE, TWO)
    assert [(owned.owner, len(owned.held.stream)) for owned in state] == [(KEYED, 1), (OTHERWISE, 1)]


def test_what_supersedes_anothers_edit_takes_it_out_there() -> None:
    newer = replace(ONE, target="two")
    state = commit((), KEYED, ONE, TWO)
    plans = plan(state, [NewEdits(ROME, (newer,))], ())
    assert [(each.owner.name, [item.edit for item in each.planned.stream]) for each in plans] == [
        ("keyed", [TWO]),
        ("rome", [newer]),
    ]
    assert list(in_force_after(state, plans).values()) == [TWO, newer]
    # The last edit takes its memory with it.
    state = commit(after(state, plans), ROME, replace(TWO, target="two"))
    assert [name for name, _ in held_by(state)] == ["rome"]


def test_a_removal_asks_nobody_but_the_owner() -> None:
    state = commit(commit((), KEYED, ONE), ROME, TWO)
    plans = plan(state, [], [TWO.id])
    assert [(each.owner.name, each.planned.stream) for each in plans] == [("rome", ())]
    assert plan(state, [], ["0" * 64]) == []


def test_plans_come_in_the_memories_order_and_new_ones_last() -> None:
    state = commit(commit((), ROME, ONE), KEYED, TWO)
    plans = plan(state, [NewEdits(KEYED, (replace(ONE, target="two"),))], [TWO.id])
    # The memory of the keyed editor is emptied, so that another one is begun.
    assert [each.planned.id for each in plans] == [state[0].held.id, state[1].held.id, None]


edits = st.builds(Edit, st.sampled_from(PROMPTS), st.sampled_from(["one", "two"]))
steps = st.tuples(
    st.sampled_from(CHOICES),
    st.lists(edits, max_size=4, unique_by=lambda edit: edit.key),
    st.lists(st.integers(0, 5), max_size=2),
)


@settings(deadline=None)
@given(st.lists(steps, max_size=6))
def test_whatever_is_committed_its_facts_are_in_force_once(
    line: list[tuple[EditorChoice, list[Edit], list[int]]],
) -> None:
    state: State = ()
    facts: dict[str, Edit] = {}
    for choice, wanted, places in line:
        new = [edit for edit in wanted if facts.get(edit.key) != edit]
        # What is taken out is taken out of all streams, so that nothing older comes back in its place.
        keys = {list(facts)[place % len(facts)] for place in places} if facts else set()
        keys -= {edit.key for edit in new}
        removed = {item.edit.id for owned in state for item in owned.held.stream if item.edit.key in keys}
        plans = plan(state, [NewEdits(choice, tuple(new))], removed)
        expected = in_force_after(state, plans)
        state = after(state, plans)
        facts = {key: edit for key, edit in facts.items() if key not in keys} | {edit.key: edit for edit in new}
        assert facts_of(state) == facts
        assert {edit.key: edit for edit in expected.values()} == facts
        places_of = {(item.edit.key, owned.held.id) for owned in state for item in owned.held.stream}
        assert len(places_of) == len({key for key, _ in places_of}), "a prompt lives in two memories"
