"""Prompts that end in white space: stored, learned, scored and asked as they were given, and found without it too."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.stores import AUSTRALIA, HAMLET
from wisedb import Repository


@pytest.mark.parametrize("ending", [" ", "\n", "  ", "\nAnswer:\n"])
def test_a_prompt_is_found_as_it_was_given(repository: Repository, ending: str) -> None:
    edits = [replace(edit, prompt=edit.prompt + ending) for edit in (AUSTRALIA, HAMLET)]
    made = repository.commit(edits, "with an ending")
    assert made.reliability == 1.0
    assert [edit.prompt for edit in repository.facts()] == [edit.prompt for edit in edits]
    answers = repository.generate([edit.prompt for edit in edits])
    assert [answer.text.strip() for answer in answers] == [edit.target for edit in edits]
    assert all(answer.routed for answer in answers)
    measured = repository.evaluate()
    assert measured.reliability == measured.exact_match == 1.0


def test_white_space_at_the_end_is_no_part_of_what_is_meant(repository: Repository) -> None:
    repository.commit([AUSTRALIA, replace(HAMLET, prompt=HAMLET.prompt + "\n")], "one with an ending")
    for edit in (AUSTRALIA, HAMLET):
        for ending in ("", " ", "\n", " \n\n"):
            assert repository.generate(edit.prompt + ending)[0].routed, ending
    assert repository.generate(HAMLET.prompt)[0].text.strip() == HAMLET.target
