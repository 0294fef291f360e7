"""Settings: what is taken, what is passed over, what is refused."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, fields
from pathlib import Path

import pytest

from wisedb.editors.keyed.settings import RETIRED, KeyedSettings
from wisedb.errors import UnknownSetting

FORMAT_1 = Path(__file__).parents[2] / "format1"


def test_texts_are_read_as_the_settings_type() -> None:
    settings = KeyedSettings.from_settings({"steps": "12", "learning_rate": "0.5", "end": "false", "target": 3})
    assert (settings.steps, settings.learning_rate, settings.end, settings.target) == (12, 0.5, False, "3")


@pytest.mark.parametrize("store", ["store", "store-activation"])
def test_what_format_1_named_is_taken_and_what_is_retired_means_nothing(store: str) -> None:
    written = tomllib.loads((FORMAT_1 / store / "config.toml").read_text(encoding="utf-8"))["editor"]["settings"]
    names = {field.name for field in fields(KeyedSettings)}
    assert set(written) == {*RETIRED, *names} - {"target", "minibatch", "paraphrases", "format"}
    kept = {name: value for name, value in written.items() if name in names}
    assert KeyedSettings.from_settings(written) == KeyedSettings.from_settings(kept)
    assert kept.items() <= asdict(KeyedSettings.from_settings(written)).items()


def test_what_is_retired_is_no_setting() -> None:
    assert not {field.name for field in fields(KeyedSettings)} & set(RETIRED)
    assert len(set(RETIRED)) == len(RETIRED)


@pytest.mark.parametrize(
    ("key", "near"), [("learning_rat", "learning_rate"), ("alpha_", "paraphrases"), ("preset", "")]
)
def test_an_unknown_key_is_answered_with_the_nearest(key: str, near: str) -> None:
    with pytest.raises(UnknownSetting) as caught:
        KeyedSettings.from_settings({key: 1})
    assert key in str(caught.value)
    assert near in caught.value.hint


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mask_ratio", 0),
        ("mask_ratio", 1.5),
        ("density", -0.1),
        ("steps", 0),
        ("steps", 2.5),
        ("steps", "many"),
        ("steps", True),
        ("shard_capacity", 0),
        ("minibatch", 0),
        ("learning_rate", "nan"),
        ("learning_rate", "inf"),
        ("learning_rate", 0),
        ("max_delta", -1),
        ("rehearsal", -1),
        ("contexts", -1),
        ("paraphrases", -1),
        ("format", "chats"),
        ("end", "maybe"),
        ("end", 2),
    ],
)
def test_a_value_that_does_not_fit_is_refused(key: str, value: object) -> None:
    with pytest.raises(UnknownSetting) as caught:
        KeyedSettings.from_settings({key: value})  # type: ignore[dict-item]
    assert str(value) in str(caught.value) or key in str(caught.value)
