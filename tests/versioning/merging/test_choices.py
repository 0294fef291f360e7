"""What decides conflicts: one side for all, or a choice for each; whatever is none is refused by name."""

from __future__ import annotations

import pytest

from wisedb.edits import Edit
from wisedb.errors import InputError, UsageError
from wisedb.versioning.merging.choices import UNDECIDED, Choices, resolve_conflicts, template
from wisedb.versioning.merging.facts import merge_facts

PROMPTS = ("The capital of Australia is", "Water boils at")
BASE, OURS, THEIRS = (
    {edit.key: edit for edit in (Edit(prompt, target, reason=target, rephrases=("Well?",)) for prompt in PROMPTS)}
    for target in ("one", "two", "three")
)
FIRST, SECOND = BASE


CONFLICTS = merge_facts(BASE, OURS, THEIRS)


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
    settled = resolve_conflicts(CONFLICTS, Choices(each={PROMPTS[0].upper(): choice, PROMPTS[1]: "ours"}))
    assert not settled.conflicts and settled.facts[SECOND] == OURS[SECOND]
    winner = settled.facts.get(FIRST)
    assert (None if winner is None else winner.target) == target
    lost = {edit.id for edit in (OURS[FIRST], THEIRS[FIRST]) if edit != winner}
    assert settled.losers[FIRST] == lost
    assert [edit.target for edit in settled.made] == (["four"] if target == "four" else [])


def test_an_edit_of_ones_own_keeps_what_belongs_to_the_question() -> None:
    each = {PROMPTS[0]: {"target": "four", "reason": "we asked"}, PROMPTS[1]: None}
    (made,) = resolve_conflicts(CONFLICTS, Choices(each=each)).made
    assert (made.prompt, made.rephrases, made.reason) == (PROMPTS[0], ("Well?",), "we asked")


def test_one_side_decides_all() -> None:
    for side, facts_ in (("ours", OURS), ("theirs", THEIRS)):
        assert resolve_conflicts(CONFLICTS, Choices(side)).facts == facts_


def test_what_was_reverted_on_one_side_does_not_come_back_from_below() -> None:
    merged = merge_facts(BASE, OURS, {})
    assert resolve_conflicts(merged, Choices("ours")).losers[FIRST] == {BASE[FIRST].id}
    assert resolve_conflicts(merged, Choices("theirs")).losers[FIRST] == {BASE[FIRST].id, OURS[FIRST].id}


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
        resolve_conflicts(CONFLICTS, Choices(each=each))
    assert message in caught.value.message


def test_the_template_names_every_conflict_and_decides_none() -> None:
    made = template(CONFLICTS.conflicts)
    assert list(made) == list(PROMPTS)
    with pytest.raises(InputError, match="is not one"):
        resolve_conflicts(CONFLICTS, Choices(each=made))


def test_one_side_and_a_choice_for_each_exclude_each_other() -> None:
    for side, each in (("mine", None), ("mine", dict[str, object]()), ("ours", dict[str, object]())):
        with pytest.raises(UsageError):
            Choices(side, each)
