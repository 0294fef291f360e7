"""What is remembered from store to store: made once, and made anew whenever the cache is not what it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from wisedb.store.blobs import Array, Blob
from wisedb.store.derived_cache import cached_blob, folder

BLOB = Blob("pool", {"prompts": ["The sky is"]}, {"bits": Array("U8", (3,), b"abc")})


class Maker:
    """Makes the blob, and counts how often."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> Blob:
        self.made += 1
        return BLOB


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Maker:
    """One whose blobs nobody remembers yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Maker()


def test_it_is_made_once_for_all_that_it_depends_on(make: Maker) -> None:
    for made_from, times in ((("a", 1, None), 1), (("a", 1, None), 1), (("a", 2, None), 2), (("a", 1), 3)):
        assert cached_blob("pool", made_from, make) == BLOB
        assert make.made == times
    cached_blob("statistics", ("a", 1), make)
    assert make.made == 4


def test_damage_is_noticed(make: Maker) -> None:
    cached_blob("pool", ("a",), make)
    for file in folder().rglob("*.safetensors"):
        file.chmod(0o644)
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert cached_blob("pool", ("a",), make) == BLOB
    assert make.made == 2


def test_where_nothing_can_be_written_it_is_made_each_time(make: Maker, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    for times in (1, 2):
        assert cached_blob("pool", ("a",), make) == BLOB
        assert make.made == times


def test_a_failure_is_told_and_not_remembered(make: Maker) -> None:
    def fail() -> Blob:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cached_blob("pool", ("a",), fail)
    assert cached_blob("pool", ("a",), make) == BLOB
