"""Edits by id, by a prefix of it, and by what is in them."""

from __future__ import annotations

import pytest

from tests.store.freedonia import ANTHEM, CAPITAL, RIVER, fact
from tests.store.index.synthetic import Builder
from wisedb.edits import Edit
from wisedb.errors import AmbiguousId, UnknownEdit
from wisedb.store import history
from wisedb.store.store import Store


@pytest.fixture
def store(builder: Builder) -> Store:
    return builder.store


def test_edit_by_id_and_prefix(builder: Builder, store: Store) -> None:
    builder.commit(CAPITAL, RIVER)
    builder.commit(revert=(CAPITAL,))
    for given_id in (CAPITAL.id, CAPITAL.id[:4], CAPITAL.id[:12].upper()):
        assert history.edit(store, given_id) == CAPITAL
    for wrong in (CAPITAL.id[:3], "", "zzzz", "0" * 64, "%%%%", CAPITAL.id + "0"):
        with pytest.raises(UnknownEdit):
            history.edit(store, wrong)


def test_an_ambiguous_prefix_names_both(builder: Builder, store: Store) -> None:
    first: dict[str, Edit] = {}
    for number in range(5000):
        edit = fact(f"tower {number}", "tall")
        other = first.setdefault(edit.id[:4], edit)
        if other is not edit:
            break
    builder.commit(other, edit)
    with pytest.raises(AmbiguousId) as caught:
        history.edit(store, edit.id[:4])
    assert edit.id[:12] in caught.value.message
    assert other.id[:12] in caught.value.message
    assert history.edit(store, edit.id[:16]) == edit


def test_edits_of_keeps_the_order(builder: Builder, store: Store) -> None:
    builder.commit(CAPITAL, RIVER, ANTHEM)
    ids = [ANTHEM.id, CAPITAL.id, ANTHEM.id]
    assert history.edits_of(store, ids) == [ANTHEM, CAPITAL, ANTHEM]
    assert history.edits_of(store, []) == []
    with pytest.raises(UnknownEdit, match="000000"):
        history.edits_of(store, [RIVER.id, "0" * 64])


def test_search_looks_everywhere_whatever_the_case(builder: Builder, store: Store) -> None:
    builder.commit(CAPITAL)
    builder.commit(RIVER)
    builder.commit(revert=(CAPITAL,))
    for text in ("capital OF", "fredVILLE", "marxburg", "GOVERNED", "gazette", "the flood", "2033"):
        assert history.search(store, text) == [CAPITAL], text
    assert history.search(store, "freedonia") == [CAPITAL, RIVER]
    assert history.search(store, "hydrogen") == []
    for text in ("%", "_", "'", "geo2033"):
        assert history.search(store, text) == []


def test_search_knows_letters_beyond_ascii(builder: Builder, store: Store) -> None:
    edit = Edit("Die größte Stadt von Österreich heißt", "Wien")
    builder.commit(edit)
    assert history.search(store, "ÖSTERREICH") == [edit]
    assert history.search(store, "O\u0308sterreich") == [edit]
