"""Values on the command line."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wisedb.cli.options import setting
from wisedb.cli.signatures import moment


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("steps=30", ("steps", 30)),
        ("learning_rate=1e-3", ("learning_rate", 0.001)),
        ("end=true", ("end", True)),
        ("optimizer=adam", ("optimizer", "adam")),
        ('optimizer="adam"', ("optimizer", "adam")),
        ("note=a=b", ("note", "a=b")),
        ("list=[1]", ("list", "[1]")),
        ("empty=", ("empty", "")),
    ],
)
def test_settings(text: str, value: tuple[str, object]) -> None:
    found = setting(text)
    assert found == value
    assert type(found[1]) is type(value[1])


@given(st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_and_truth_values_survive(value: float | bool) -> None:
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    assert setting(f"key={text}") == ("key", value)


@pytest.mark.parametrize("text", ["steps", "=3", " =3"])
def test_settings_without_key_or_value(text: str) -> None:
    with pytest.raises(click.BadParameter):
        setting(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-01-31", "2026-01-31T00:00:00Z"),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("2026-01-31T12:00:00+02:00", "2026-01-31T10:00:00Z"),
        ("2026-01-31 12:00", "2026-01-31T12:00:00Z"),
    ],
)
def test_dates_are_utc(text: str, value: str) -> None:
    assert moment(text) == value
    assert moment(value) == value
