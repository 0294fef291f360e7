"""What is compared is checked before anything is measured."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from wisedb.bench.environment import engine
from wisedb.bench.plan import MEASURED_MODES, USUAL_MODES, Plan, candidates, differences
from wisedb.canonical import digest
from wisedb.edits import Edit
from wisedb.errors import InputError, UnknownEditor, UnknownSetting, UsageError

STREAM = [Edit(f"The number after {n} is", str(n + 1)) for n in range(5)]


def plan(**more: Any) -> Plan:
    given: dict[str, Any] = {"edits": STREAM, "lengths": (3, 1, 3), "settings": {"steps": 3}, **more}
    return Plan.make(candidates(["keyed"], given["settings"]), "atlas", "numbers", **given)


def test_each_editor_is_compared_once_beside_the_unedited_model() -> None:
    unedited, keyed, rome = candidates(["keyed", "rome", "keyed"], {"steps": 3})
    assert (unedited.name, unedited.editor, unedited.writes) == ("unedited", "keyed", False)
    assert (keyed.editor, keyed.settings, keyed.writes) == ("keyed", {"steps": 3}, True)
    assert (rome.editor, rome.settings) == ("rome", {"steps": 3})


def test_an_editor_is_compared_with_itself_under_settings_of_its_own() -> None:
    _, rome, gated = candidates(["rome", "rome:gate=keys:steps=5"], {"steps": 3})
    assert (rome.name, rome.editor, rome.settings) == ("rome", "rome", {"steps": 3})
    assert (gated.name, gated.editor) == ("rome:gate=keys:steps=5", "rome")
    assert gated.settings == {"steps": 5, "gate": "keys"}
    with pytest.raises(UsageError, match="'gate' is not key=value"):
        candidates(["rome:gate"], {})
    with pytest.raises(UnknownSetting, match="'rome' has no setting 'rehearsal'"):
        candidates(["rome:rehearsal=4"], {})


def test_an_unknown_editor_is_refused_with_the_list() -> None:
    with pytest.raises(UnknownEditor, match="no editor 'mezo'") as found:
        candidates(["keyed", "mezo"], {})
    assert "keyed, locft_bf, memit" in found.value.hint
    with pytest.raises(UsageError, match="no editor is named"):
        candidates([], {})


def test_a_setting_that_is_no_more_is_refused_before_anything_is_measured() -> None:
    with pytest.raises(UnknownSetting, match="has no setting 'whiten' any more"):
        candidates(["keyed"], {"whiten": False})
    with pytest.raises(UnknownSetting, match="'rome' has no setting 'rehearsal'"):
        candidates(["keyed", "rome"], {"rehearsal": 4})


def test_lengths_grow_and_each_prompt_comes_once() -> None:
    again = [*STREAM, Edit("the number AFTER 0 is", "seven"), Edit("The number after 9 is", "10")]
    made = plan(edits=again)
    assert made.lengths == (1, 3)
    assert made.stream == (*STREAM, again[-1])
    assert made.modes == USUAL_MODES and set(USUAL_MODES) < set(MEASURED_MODES)


def test_subjects_are_taken_out_where_the_plan_says_so() -> None:
    named = [replace(edit, subject=edit.prompt.split()[3], rephrases=("Next is",)) for edit in STREAM]
    assert plan(edits=named).stream == tuple(named)
    assert plan(edits=named, subjects=False).stream == tuple(replace(edit, subject=None) for edit in named)


def test_the_engine_is_that_of_the_sources() -> None:
    assert engine() != digest(b"")


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        ({"lengths": (1, 6)}, InputError, "6 edits are asked for, numbers holds 5"),
        ({"lengths": (0, 1)}, UsageError, "at least one edit"),
        ({"lengths": ()}, UsageError, "at least one edit"),
        ({"modes": ("merge", "base")}, UsageError, "no mode 'base'"),
        ({"modes": ()}, UsageError, "no mode ''"),
        ({"seeds": ()}, UsageError, "no seed"),
        ({"protocol": "all"}, UsageError, "no protocol 'all'"),
        ({"format": "prose"}, UsageError, "no format 'prose'"),
    ],
)
def test_what_cannot_be_measured_is_refused(more: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        plan(**more)


@pytest.mark.parametrize(
    "more",
    [
        {"subjects": False},
        {"settings": {"steps": 4}},
        {"protocol": "batch"},
        {"format": "chat"},
        {"edits": STREAM[::-1]},
        {"pool": ("Water boils at",)},
        {"target": "model.layers.0"},
    ],
)
def test_other_conditions_are_told_apart(more: dict[str, Any]) -> None:
    assert differences(plan().conditions(), plan(**more).conditions())


def test_what_changes_no_other_row_is_no_condition() -> None:
    assert plan().conditions() == plan(lengths=(2, 5), modes=("merge",), seeds=(0, 1)).conditions()
    # One commit up to each T: with other T the commits are others.
    apart = differences(plan(protocol="batch").conditions(), plan(protocol="batch", lengths=(2,)).conditions())
    assert apart == ["lengths 1,3 there, 2 here"]
