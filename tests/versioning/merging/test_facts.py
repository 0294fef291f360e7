"""Facts merge as their definition says: checked on every small case, and on made-up ones."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wisedb.edits import Edit
from wisedb.errors import InputError, UsageError
from wisedb.versioning.merging.choices import UNDECIDED, Choices, settle, template
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
    assert settle(merged).losers == {ours.key: {theirs.id}}


BASE, OURS, THEIRS = (
    {edit.key: edit for edit in (Edit(prompt, target, reason=target, rephrases=("Well?",)) for prompt in PROMPTS[:2])}
    for target in TARGETS
)
CONFLICTS = merge_facts(BASE, OURS, THEIRS)
FIRST, SECOND = BASE


@pytest.mark.parametrize(
    ("choice", "target"),
    [
        ("ours", "two"),
        ("theirs", "three"),
        ("base", "one"),
        (None, None),
        ({"target": "four"}, "four"),
        ({"target": " two "}, "two"),
    ],
)
def test_a_choice_decides(choice: object, target: str | None) -> None:
    settled = settle(CONFLICTS, Choices(each={PROMPTS[0].upper(): choice, PROMPTS[1]: "ours"}))
    assert not settled.conflicts and settled.facts[SECOND] == OURS[SECOND]
    winner = settled.facts.get(FIRST)
    assert (None if winner is None else winner.target) == target
    lost = {edit.id for edit in (OURS[FIRST], THEIRS[FIRST]) if edit != winner}
    assert settled.losers[FIRST] == lost
    assert [edit.target for edit in settled.made] == (["four"] if target == "four" else [])


def test_an_edit_of_ones_own_keeps_what_belongs_to_the_question() -> None:
    each = {PROMPTS[0]: {"target": "four", "reason": "we asked"}, PROMPTS[1]: None}
    (made,) = settle(CONFLICTS, Choices(each=each)).made
    assert (made.prompt, made.rephrases, made.reason) == (PROMPTS[0], ("Well?",), "we asked")


def test_one_side_decides_all() -> None:
    for side, facts_ in (("ours", OURS), ("theirs", THEIRS)):
        assert settle(CONFLICTS, Choices(side)).facts == facts_


def test_what_was_reverted_on_one_side_does_not_come_back_from_below() -> None:
    merged = merge_facts(BASE, OURS, {})
    assert settle(merged, Choices("ours")).losers[FIRST] == {BASE[FIRST].id}
    assert settle(merged, Choices("theirs")).losers[FIRST] == {BASE[FIRST].id, OURS[FIRST].id}


NO_CHOICES: tuple[object, ...] = (
    "mine", 3, [], {}, {"target": None}, {"target": ""}, {"target": "a", "colour": "red"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("each", "message"),
    [
        ({PROMPTS[0]: "ours"}, "lack 1 of 2 conflicts: 'Water boils at'"),
        ({PROMPTS[0]: "ours", PROMPTS[1]: "ours", "Nobody asked": "ours"}, "'Nobody asked', which is no conflict"),
        ({PROMPTS[0]: "ours", PROMPTS[0].upper(): "ours", PROMPTS[1]: None}, "twice"),
        ({PROMPTS[0]: UNDECIDED, PROMPTS[1]: "ours"}, PROMPTS[0]),
        *(({PROMPTS[0]: wrong, PROMPTS[1]: "ours"}, PROMPTS[0]) for wrong in NO_CHOICES),
    ],
)
def test_what_is_no_choice_is_refused_by_name(each: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        settle(CONFLICTS, Choices(each=each))
    assert message in caught.value.message


def test_the_template_names_every_conflict_and_decides_none() -> None:
    made = template(CONFLICTS.conflicts)
    assert list(made) == list(PROMPTS[:2])
    with pytest.raises(InputError, match="is not one"):
        settle(CONFLICTS, Choices(each=made))


def test_one_side_and_a_choice_for_each_exclude_each_other() -> None:
    for side, each in (("mine", None), ("mine", dict[str, object]()), ("ours", dict[str, object]())):
        with pytest.raises(UsageError):
            Choices(side, each)
