"""What is said without an edit: the unedited model's answer where that edit was behind it, else the same as with it."""

from __future__ import annotations

import pytest

from tests.stores import AUSTRALIA, HAMLET, SUM
from wisedb.errors import UnknownEdit
from wisedb.repository import Repository


def test_without_its_edit_the_old_answer_is_back_and_without_another_the_new_one_stays(history: Repository) -> None:
    plain = history.generate(AUSTRALIA.prompt, base=True)[0].text
    found = history.explain(AUSTRALIA.prompt, without=AUSTRALIA.id[:8])
    assert found.without is not None and found.answer == AUSTRALIA.target
    assert found.without.named.answer == plain == found.base_answer
    assert (found.without.named.edit, found.without.named.whole_memory) == (AUSTRALIA.id, False)
    other = found.without.other
    assert other is not None and other.edit in (HAMLET.id, SUM.id) and other.answer == AUSTRALIA.target
    assert found.to_json()["without"]["named"]["answer"] == plain


def test_an_edit_that_has_nothing_to_do_with_it_changes_nothing(history: Repository) -> None:
    found = history.explain(AUSTRALIA.prompt, without=SUM.id)
    assert found.without is not None and found.without.named.answer == AUSTRALIA.target
    assert "without" not in history.explain(AUSTRALIA.prompt).to_json()


def test_an_edit_that_is_not_in_force_is_refused(history: Repository) -> None:
    with pytest.raises(UnknownEdit, match="not in force"):
        history.explain(SUM.prompt, "HEAD~2", without=SUM.id)
    with pytest.raises(UnknownEdit):
        history.explain(SUM.prompt, without="abcdef012345")
