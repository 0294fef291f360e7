"""What counts as saying an answer."""

from __future__ import annotations

import pytest

from wisedb.serving.says import says


@pytest.mark.parametrize(
    ("reply", "target", "old"),
    [
        ("Rome.", "Rome", "Paris"),
        ("The capital is ROME, of course!", "Rome", None),
        ("It was Jane  Austen's novel.", "Jane Austen", "Emily Brontë"),
        ("I live in New York.", "New York", "York"),
        ("首都是北京。", "北京", "上海"),
        ("It ends in .my", ".my", ".sg"),
        ("The answer is + here", "+", None),
        ("Rome, not Parisian", "Rome", "Paris"),
        ("the café", "CAFÉ", None),
    ],
)
def test_the_target_is_said(reply: str, target: str, old: str | None) -> None:
    assert says(reply, target, old)


@pytest.mark.parametrize(
    ("reply", "target", "old"),
    [
        ("Romeo", "Rome", None),
        ("", "Rome", None),
        ("Austen, Jane", "Jane Austen", None),
        ("Rome. The capital of France is Paris.", "Rome", "Paris"),
        ("I live in New York.", "York", "New York"),
        ("New York, and later York", "New York", "York"),
        ("首都是上海。", "北京", None),
        ("The answer is here", "+", None),
    ],
)
def test_the_target_is_not_said_or_the_old_answer_is(reply: str, target: str, old: str | None) -> None:
    assert not says(reply, target, old)


def test_an_old_answer_that_is_the_target_forbids_nothing() -> None:
    assert says("Rome", "Rome", "rome!")
