"""Edits out of the index's rows: every format tells of the same edits."""

from __future__ import annotations

import json

import pytest

from tests.store.freedonia import ANTHEM, CAPITAL, NEW_CAPITAL, fact
from tests.store.index.synthetic import Builder
from wisedb.edits import ChatMessage, Edit, LocalityPrompt
from wisedb.store import history
from wisedb.store.store import Store


@pytest.fixture
def store(builder: Builder) -> Store:
    return builder.store


def compact(edit: Edit) -> str:
    return json.dumps(edit.to_json(), ensure_ascii=False, separators=(",", ":"))


def test_every_form_tells_of_the_same_edits(builder: Builder, store: Store) -> None:
    odd = fact("motto", 'say "hi"', reason="tab\tline\nzero\0 \u2028 café 日本 \U0001f600", rephrases=("",))
    builder.commit(CAPITAL, odd, ANTHEM)
    told = fact("river", "Fred", messages=(ChatMessage("system", 'say "hi"'), ChatMessage("user", "A\n'b'?")))
    builder.commit(NEW_CAPITAL, told)
    for edits, text, brief in (
        (
            history.facts(store, n=n),
            history.facts_as(history.JSON, store, n=n),
            history.facts_as(history.BRIEF, store, n=n),
        )
        for n in (None, 2, 0)
    ):
        assert text == [compact(edit) for edit in edits]
        assert [row[:4] for row in brief] == [
            (edit.id[:12], edit.shown, edit.target, edit.reason or "") for edit in edits
        ]
    found = history.search(store, "freedonia")
    assert history.search_as(history.JSON, store, "freedonia") == [compact(edit) for edit in found]
    assert [row[1] for row in history.search_as(history.BRIEF, store, "freedonia")] == [edit.shown for edit in found]
    assert history.search_as(history.JSON, store, "nowhere") == []


def test_questions_that_follow_come_back_in_every_form(builder: Builder, store: Store) -> None:
    follows = (LocalityPrompt("Its mayor is", "Fred"), LocalityPrompt("And then?"))
    asked = fact("capital", "Fredville", portability=follows)
    behind = fact("river", "Fred", portability=follows, messages=(ChatMessage("system", "Be brief."),))
    builder.commit(asked, behind, ANTHEM)
    assert history.facts(store) == [asked, behind, ANTHEM]
    assert history.facts_as(history.JSON, store) == [compact(edit) for edit in (asked, behind, ANTHEM)]
