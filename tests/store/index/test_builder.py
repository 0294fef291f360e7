"""Generations: made anew, or brought up to date; both hold the whole history."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.index.synthetic import Builder, made_up
from wisedb.errors import StoreBusy
from wisedb.store.files import Disk
from wisedb.store.index.builder import IndexBuilder
from wisedb.store.index.session import Session
from wisedb.store.lock import StoreLock


@pytest.fixture
def index(builder: Builder, tmp_path: Path) -> IndexBuilder:
    """One in a folder of its own, over the builder's history."""
    return IndexBuilder(tmp_path / "apart", builder.store.objects, builder.store.index.roots, Disk())


def counts(index: IndexBuilder) -> dict[str, int]:
    current = index.usable()
    assert current is not None
    session = Session(index.generations.path(current))
    try:
        assert session.counts() == current.counts
        return dict(session.counts())
    finally:
        session.close()


def test_made_anew_or_brought_up_to_date_it_holds_the_same(builder: Builder, index: IndexBuilder) -> None:
    assert index.usable() is None
    made = index.rebuild()
    assert (made["commits"], made["edits"]) == (4, 9)
    before = counts(index)
    builder.commit(*made_up(9, 3))
    index.catch_up()
    caught_up = counts(index)
    assert caught_up["commits"] == before["commits"] + 1
    index.rebuild()
    assert counts(index) == caught_up


def test_where_there_is_none_catching_up_makes_one(index: IndexBuilder) -> None:
    index.catch_up()
    assert counts(index)["commits"] == 4


def test_a_file_that_lost_its_end_is_not_usable_and_catching_up_heals_it(index: IndexBuilder) -> None:
    index.rebuild()
    whole = counts(index)
    current = index.usable()
    assert current is not None
    path = index.generations.path(current)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])
    assert index.usable() is None
    index.catch_up()
    assert counts(index) == whole


def test_one_at_a_time(index: IndexBuilder, tmp_path: Path) -> None:
    index.rebuild()
    with StoreLock(tmp_path / "apart" / "index" / "lock").hold("another"), pytest.raises(StoreBusy):
        index.rebuild()
