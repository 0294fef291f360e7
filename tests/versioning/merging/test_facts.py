"""Facts merge as their definition says: checked on every small case, and on made-up ones."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from wisedb.edits import ChatMessage, Edit
from wisedb.versioning.merging.choices import resolve_conflicts
from wisedb.versioning.merging.facts import Facts, merge_facts

PROMPTS = ("The capital of Australia is", "Water boils at", "12 + 30 =", "Iron has the symbol")
TARGETS = ("one", "two", "three")

edits = st.builds(Edit, st.sampled_from(PROMPTS), st.sampled_from(TARGETS), reason=st.sampled_from([None, "so"]))
facts = st.lists(edits, max_size=6).map(lambda found: {edit.key: edit for edit in found})
keys = st.sets(st.sampled_from([Edit(prompt, "x").key for prompt in PROMPTS]))


def targets(found: Facts) -> dict[str, str]:
    return {key: edit.target for key, edit in found.items()}


@given(facts, facts)
def test_what_both_sides_have_is_what_comes_out(base: Facts, both: Facts) -> None:
    merged = merge_facts(base, both, both)
    assert merged.facts == both and not merged.conflicts and not merged.doubled


@given(facts, facts)
def test_a_side_that_changed_nothing_gives_way(base: Facts, other: Facts) -> None:
    for merged in (merge_facts(base, base, other), merge_facts(base, other, base)):
        assert merged.facts == other and not merged.conflicts


@given(facts, facts, facts, keys)
def test_the_sides_are_alike(base: Facts, ours: Facts, theirs: Facts, disputed: set[str]) -> None:
    one, other = merge_facts(base, ours, theirs, disputed), merge_facts(base, theirs, ours, disputed)
    assert targets(one.facts) == targets(other.facts)
    assert {(each.key, each.base, each.ours, each.theirs) for each in one.conflicts} == {
        (each.key, each.base, each.theirs, each.ours) for each in other.conflicts
    }
    assert {frozenset(pair) for pair in one.doubled} == {frozenset(pair) for pair in other.doubled}


@given(facts, facts, facts, keys)
def test_a_conflict_is_what_its_definition_says(base: Facts, ours: Facts, theirs: Facts, disputed: set[str]) -> None:
    merged = merge_facts(base, ours, theirs, disputed)
    found = {conflict.key for conflict in merged.conflicts}
    for key in {*base, *ours, *theirs}:
        before, one, other = base.get(key), ours.get(key), theirs.get(key)
        changed = key in disputed or before not in (one, other)
        same_target = one is not None and other is not None and one.target == other.target
        assert (key in found) == (changed and one != other and not same_target)
        if key not in found:
            assert merged.facts.get(key) in (one, other)
    assert not found & set(merged.facts)


@given(facts, facts, facts)
def test_a_clean_merge_is_the_union_of_what_was_added_without_what_was_taken_out(
    base: Facts, ours: Facts, theirs: Facts
) -> None:
    merged = merge_facts(base, ours, theirs)
    if merged.conflicts or merged.doubled:
        return
    added = {edit for side in (ours, theirs) for key, edit in side.items() if base.get(key) != edit}
    gone = {edit for side in (ours, theirs) for key, edit in base.items() if side.get(key) != edit}
    assert set(merged.facts.values()) == (set(base.values()) - gone) | added


def test_every_case_of_one_prompt() -> None:
    one, two, three = (Edit(PROMPTS[0], target) for target in TARGETS)
    key = one.key

    def at(edit: Edit | None) -> Mapping[str, Edit]:
        return {} if edit is None else {key: edit}

    clean = {
        (None, None, one): one,
        (None, one, one): one,
        (one, one, two): two,
        (one, one, None): None,
        (one, None, None): None,
        (one, two, two): two,
    }
    for (base, ours, theirs), result in clean.items():
        assert merge_facts(at(base), at(ours), at(theirs)).facts == at(result)
        assert merge_facts(at(base), at(theirs), at(ours)).facts == at(result)
    for base, ours, theirs in ((None, one, two), (one, two, three), (one, two, None)):
        (conflict,) = merge_facts(at(base), at(ours), at(theirs)).conflicts
        assert (conflict.base, conflict.ours, conflict.theirs) == (base, ours, theirs)
        assert conflict.prompt == PROMPTS[0]


def test_of_two_records_of_one_answer_ours_stays() -> None:
    ours, theirs = Edit(PROMPTS[0], "one", reason="ours"), Edit(PROMPTS[0].upper(), "one", reason="theirs")
    merged = merge_facts({}, {ours.key: ours}, {theirs.key: theirs})
    assert list(merged.facts.values()) == [ours] and merged.doubled == ((ours, theirs),)
    assert resolve_conflicts(merged).losers == {ours.key: {theirs.id}}


def test_one_answer_behind_two_conversations_is_a_conflict() -> None:
    one, other = (
        Edit(PROMPTS[0], TARGETS[0], messages=(ChatMessage("system", text),)) for text in ("Be brief.", "Be kind.")
    )
    (conflict,) = merge_facts({}, {one.key: one}, {one.key: other}).conflicts
    assert (conflict.ours, conflict.theirs) == (one, other)
