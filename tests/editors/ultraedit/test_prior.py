"""Edits that nobody wants: prompts cut before their last word, with the word of another."""

from __future__ import annotations

from wisedb.editors.ultraedit.prior import prior_edits


def test_each_prompt_gets_the_last_word_of_the_next() -> None:
    found = prior_edits(["The hero is old", "Rain", "A house by the sea", "It was late"], 3)
    assert [(edit.prompt, edit.target) for edit in found] == [
        ("The hero is", "sea"),
        ("A house by the", "late"),
        ("It was", "old"),
    ]
    assert prior_edits(["The hero is old", "It was late"], 0) == [] and prior_edits([], 5) == []
