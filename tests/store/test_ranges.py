"""Ranges of history are read as git reads them."""

from __future__ import annotations

import pytest

from wisedb.errors import UnknownRevision
from wisedb.repository import Repository
from wisedb.store.ranges import Range, read_range, split_range, walk


@pytest.mark.parametrize(
    ("word", "ends"),
    [
        ("a..b", ("a", "b", False)),
        ("a...b", ("a", "b", True)),
        ("..b", ("HEAD", "b", False)),
        ("a..", ("a", "HEAD", False)),
        ("HEAD~2", None),
        ("v1.0", None),
    ],
)
def test_a_word_is_a_range_or_none(word: str, ends: tuple[str, str, bool] | None) -> None:
    assert split_range(word) == ends


def test_what_a_range_holds(history: Repository) -> None:
    store = history.store
    newest, second, first = (store.resolve(name) for name in ("HEAD", "HEAD~1", "HEAD~2"))

    def held(*words: str) -> list[str]:
        return [commit_id for commit_id, _ in walk(store.objects, read_range(store, words))]

    assert held() == held("HEAD") == [newest, second, first]
    assert held("HEAD~2..") == held("^HEAD~2", "HEAD") == held("HEAD~2...HEAD") == [newest, second]
    assert held("HEAD..HEAD~1") == [] and held("HEAD~1", "HEAD~2") == [second, first]
    assert read_range(store, ["HEAD", "HEAD"]) == Range((newest,))
    with pytest.raises(UnknownRevision):
        held("HEAD..nothing")
