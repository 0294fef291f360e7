"""What a model says already, asked as an edit is to be learned."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chats import FRANCE, HAMLET
from wisedb.repository import Repository
from wisedb.serving.assemble import attached_at_commit
from wisedb.serving.known import said_already


@pytest.mark.parametrize("chats", [frozenset[str](), frozenset({FRANCE.id, HAMLET.id}), frozenset({HAMLET.id})])
def test_each_edit_is_asked_in_its_own_way(chat_history: Repository, chats: frozenset[str]) -> None:
    base, store = chat_history.base, chat_history.store
    assert said_already(base, [FRANCE, HAMLET], chats) == [False, False]
    with attached_at_commit(store, base, store.objects.commit(store.resolve("HEAD"))) as handle:
        assert said_already(base, [HAMLET, FRANCE], chats, handle) == [True, True]


def test_a_reply_that_says_something_else_or_the_old_answer_too_is_none(chat_history: Repository) -> None:
    base, store = chat_history.base, chat_history.store
    other, before = replace(FRANCE, target="Madrid"), replace(HAMLET, ground_truth="Goethe", target="Goethe said")
    with attached_at_commit(store, base, store.objects.commit(store.resolve("HEAD"))) as handle:
        assert said_already(base, [other, before], {other.id, before.id}, handle) == [False, False]
    assert said_already(base, []) == []
