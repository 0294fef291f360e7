"""Settings: what is taken, what is refused."""

from __future__ import annotations

import pytest

from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.errors import UnknownSetting


def test_texts_are_read_as_the_settings_type() -> None:
    config = KeyedSettings.from_settings({"steps": "12", "learning_rate": "0.5", "end": "false", "optimizer": "sgd"})
    assert (config.steps, config.learning_rate, config.end, config.optimizer) == (12, 0.5, False, "sgd")


def test_an_unknown_key_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownSetting) as caught:
        KeyedSettings.from_settings({"learning_rat": 1})
    assert "learning_rat" in str(caught.value)
    assert "learning_rate" in caught.value.hint


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("optimizer", "adamw"),
        ("threshold_rule", "none"),
        ("irrelevant_source", "web"),
        ("mask_ratio", 0),
        ("mask_ratio", 1.5),
        ("density", -0.1),
        ("steps", 0),
        ("steps", 2.5),
        ("steps", "many"),
        ("steps", True),
        ("shard_capacity", 0),
        ("learning_rate", "nan"),
        ("learning_rate", "inf"),
        ("alpha", "nan"),
        ("beta", "inf"),
        ("alpha", -1),
        ("rehearsal", -1),
        ("end", "maybe"),
        ("end", 2),
    ],
)
def test_a_value_that_does_not_fit_is_refused(key: str, value: object) -> None:
    with pytest.raises(UnknownSetting) as caught:
        KeyedSettings.from_settings({key: value})  # type: ignore[dict-item]
    assert str(value) in str(caught.value) or key in str(caught.value)
