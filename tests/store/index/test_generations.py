"""The files of the index: one generation counts, and nothing half written is ever it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.index.synthetic import Builder
from wisedb.errors import CorruptObject
from wisedb.store.index import schema
from wisedb.store.index.generations import Generations


def test_two_generations_are_kept(builder: Builder) -> None:
    for _ in range(4):
        builder.store.index.rebuild()
    names = sorted(path.name for path in (builder.store.root / "index").iterdir())
    assert names == ["CURRENT", "gen-3.duckdb", "gen-4.duckdb", "lock"]


def test_one_that_was_published_counts_and_says_what_it_holds(tmp_path: Path) -> None:
    generations = Generations(tmp_path / "index")
    assert generations.current() is None
    with generations.draft() as draft:
        assert not draft.exists()
        draft.write_bytes(b"rows")
        made = generations.publish(draft, ("a" * 64,), {"commits": 1})
    assert generations.current() == made
    assert (made.bytes, made.version, made.tips, made.counts) == (4, schema.VERSION, ("a" * 64,), {"commits": 1})
    assert generations.path(made).read_bytes() == b"rows"
    # The next one begins as a copy, and leaves the one that somebody may have open as it is.
    with generations.draft(made) as draft:
        draft.write_bytes(draft.read_bytes() + b", more rows")
        generations.publish(draft, ("b" * 64,), {"commits": 2})
    assert generations.path(made).read_bytes() == b"rows"
    following = generations.current()
    assert following is not None and generations.path(following).read_bytes() == b"rows, more rows"


def test_of_a_draft_that_came_to_nothing_nothing_is_left(tmp_path: Path) -> None:
    generations = Generations(tmp_path / "index")
    with pytest.raises(ZeroDivisionError), generations.draft() as draft:
        draft.write_bytes(b"half")
        draft.with_name(f"{draft.name}.wal").write_bytes(b"half")
        raise ZeroDivisionError
    assert generations.current() is None and list((tmp_path / "index").iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"file": "../x", "bytes": 1, "version": 1, "tips": [], "counts": {}}',
        b'{"file": "gen-1.duckdb", "bytes": "many", "version": 1, "tips": [], "counts": {}}',
        b'{"file": "gen-1.duckdb", "bytes": 1, "version": 1, "tips": [], "counts": []}',
    ],
)
def test_a_damaged_note_of_the_one_that_counts(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "CURRENT").write_bytes(content)
    with pytest.raises(CorruptObject, match="index/CURRENT") as caught:
        Generations(tmp_path).current()
    assert "reindex" in str(caught.value.hint)
