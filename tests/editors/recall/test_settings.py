"""Settings out of range are refused, with what would fit."""

from __future__ import annotations

import pytest

from wisedb.editors.recall.editor import EDITOR
from wisedb.errors import UnknownSetting


@pytest.mark.parametrize(
    "wrong",
    [
        *({name: 0} for name in ("rank", "steps", "learning_rate", "ridge")),
        *({name: -1} for name in ("margin", "unrelated", "contexts")),
        {"format": "html"},
    ],
)
def test_what_can_t_be_is_refused(wrong: dict[str, float | str]) -> None:
    with pytest.raises(UnknownSetting):
        EDITOR.configure(wrong)


def test_keys_are_made_of_what_is_learned() -> None:
    assert [EDITOR.configure({"format": name}).key_format for name in ("auto", "raw", "chat")] == [
        "both",
        "raw",
        "chat",
    ]
    assert EDITOR.configure({"format": "both"}).needs_template and not EDITOR.configure({}).needs_template
