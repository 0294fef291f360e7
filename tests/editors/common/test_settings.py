"""Settings as they are given, to an editor's own dataclass: values that fit, names that there are."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from wisedb.config import Setting
from wisedb.editors.common.settings import fit, not_negative, one_of, parse, positive
from wisedb.errors import UnknownSetting


@dataclass(frozen=True)
class Some:
    """Settings of each type."""

    steps: int = 3
    rate: float = 0.5
    sure: bool = False
    where: str = "here"


def test_defaults_stand_where_nothing_is_given() -> None:
    assert parse(Some, "some", {}) == Some()
    assert parse(Some, "some", {"steps": "7", "sure": "yes"}) == Some(steps=7, sure=True)


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("12", int, 12),
        (12.0, int, 12),
        ("1e-3", float, 0.001),
        (2, float, 2.0),
        ("No", bool, False),
        ("1", bool, True),
        (3, str, "3"),
    ],
)
def test_texts_are_read_as_what_the_setting_is(value: Setting, kind: type, expected: Setting) -> None:
    found = fit("setting", value, kind)
    assert found == expected and type(found) is kind


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("many", int),
        (1.5, int),
        (True, int),
        (True, float),
        ("nan", float),
        ("inf", float),
        ("inf", int),
        ("maybe", bool),
        (2, bool),
    ],
)
def test_a_value_that_does_not_fit_is_named(value: Setting, kind: type) -> None:
    with pytest.raises(UnknownSetting, match="setting can't be") as caught:
        fit("setting", value, kind)
    assert ("truth value" if kind is bool else kind.__name__) in str(caught.value.hint)


def test_a_name_that_there_is_not_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownSetting, match="'some' has no setting 'stepz'") as caught:
        parse(Some, "some", {"stepz": 3})
    assert "'steps'" in str(caught.value.hint)
    assert parse(Some, "some", {"stepz": 3}, retired=("stepz",)) == Some()


def test_one_word_of_some() -> None:
    one_of("where", "here", ("here", "there"))
    with pytest.raises(UnknownSetting, match="where can't be 'nowhere'") as caught:
        one_of("where", "nowhere", ("here", "there"))
    assert "here, there" in str(caught.value.hint)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_what_must_be_positive_is_refused_otherwise(value: float) -> None:
    with pytest.raises(UnknownSetting, match="ridge is"):
        positive(SimpleNamespace(ridge=value, steps=1), "steps", "ridge")


@pytest.mark.parametrize("value", [-1, float("nan")])
def test_what_must_not_be_negative_is_refused_otherwise(value: float) -> None:
    not_negative(SimpleNamespace(enough=0), "enough")
    with pytest.raises(UnknownSetting, match="enough is"):
        not_negative(SimpleNamespace(enough=value), "enough")
