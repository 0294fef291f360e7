"""What the model answers at one commit and at another."""

from __future__ import annotations

import pytest

from tests.stores import AUSTRALIA, SUM
from wisedb.errors import UnknownRevision
from wisedb.repository import Repository
from wisedb.versioning.diff.answers import diff_answers


def test_each_prompt_is_answered_at_both(history: Repository) -> None:
    prompts = [SUM.prompt, AUSTRALIA.prompt]
    found = diff_answers(history.store, history.base, "HEAD~1", "HEAD", prompts, max_new_tokens=4)
    assert [answer.prompt for answer in found] == prompts
    for rev, said in (("HEAD~1", [each.before for each in found]), ("HEAD", [each.after for each in found])):
        assert said == [each.text for each in history.generate(prompts, at=rev, max_new_tokens=4)]
    assert found[0].after == SUM.target != found[0].before
    assert found[1].to_json() == {"prompt": AUSTRALIA.prompt, "from": found[1].before, "to": found[1].after}
    assert found[1].before == found[1].after == AUSTRALIA.target


def test_nothing_is_asked_of_a_commit_that_there_is_not(history: Repository) -> None:
    with pytest.raises(UnknownRevision):
        diff_answers(history.store, history.base, "HEAD", "nowhere", [SUM.prompt])
    assert diff_answers(history.store, history.base, "HEAD~1", "HEAD", []) == ()
