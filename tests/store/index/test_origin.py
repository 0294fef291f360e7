"""An index is believed by whoever made it, as it was made."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import duckdb
import pytest

from tests.store.index.synthetic import Builder
from wisedb.store import history
from wisedb.store.index.origin import is_ours, seal
from wisedb.store.store import Store


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of nobody's yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "wisedb"


def lie(root: Path) -> list[str]:
    """Change a value in place, in a file that is otherwise right: length, counts and all; the targets then."""
    current = json.loads((root / "index" / "CURRENT").read_bytes())
    file = root / "index" / current["file"]
    with duckdb.connect(str(file)) as connection:
        connection.execute("UPDATE edits SET target = 'LIE'")
        connection.execute("CHECKPOINT")
    (root / "index" / "CURRENT").write_text(json.dumps({**current, "bytes": file.stat().st_size}))
    return [edit.target for edit in history.facts(Store(root))]


def test_what_was_changed_in_place_is_not_believed(builder: Builder) -> None:
    builder.store.index.rebuild()
    told = [edit.target for edit in history.facts(builder.store)]
    assert told and lie(builder.store.root) == told
    assert Store(builder.store.root).index.status() == "ok"  # it was made anew


def test_an_index_that_came_along_with_a_store_is_made_anew(
    builder: Builder, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger seals what he likes with a key of his own; and a copy of one's own store has files of its own."""
    builder.store.index.rebuild()
    copy = Path(shutil.copytree(builder.store.root, tmp_path / "copy" / ".wisedb"))
    assert Store(copy).index.status() == "foreign"
    assert Store(copy).index.ensure() == "rebuilt" and Store(copy).index.status() == "ok"
    assert Store(builder.store.root).index.status() == "ok"
    shutil.rmtree(cache)
    assert Store(builder.store.root).index.status() == "foreign"


def test_a_seal_is_of_one_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "gen-1.duckdb"
    path.write_bytes(b"rows")
    made = seal(path)
    assert is_ours(path, made) and not is_ours(path, "") and not is_ours(path, "é")
    other = tmp_path / "gen-2.duckdb"
    shutil.copy2(path, other)
    assert not is_ours(other, made)
    path.write_bytes(b"rowz")
    assert not is_ours(path, made)
    found = path.stat()
    path.write_bytes(b"rows")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert not is_ours(path, made)
    path.unlink()
    assert not is_ours(path, made)


def test_the_key_is_the_users_alone_and_a_half_written_one_is_replaced(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "gen-1.duckdb"
    path.write_bytes(b"rows")
    made = seal(path)
    assert made and (cache / "index-key").stat().st_mode & 0o777 == 0o600 and seal(path) == made
    (cache / "index-key").write_bytes(b"half")
    assert seal(path) == "" and seal(path) not in ("", made)


def test_where_no_key_can_be_kept_an_index_is_taken_as_it_is(
    builder: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    builder.store.index.rebuild()
    assert Store(builder.store.root).index.status() == "ok"


def test_an_index_of_another_user_is_for_the_trust_in_that_user(
    builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder.store.index.rebuild()
    other = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)
    assert is_ours(next((builder.store.root / "index").glob("gen-*")), "none")
