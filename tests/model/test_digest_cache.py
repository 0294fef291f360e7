"""A digest is computed again whenever anything about the files, or about the cache, isn't what it was."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.models import tiny_model, tiny_tokenizer
from wisedb.errors import BaseModelMismatch
from wisedb.model import digest_cache
from wisedb.model import recognise as bases
from wisedb.model.base import load_base
from wisedb.model.digest_cache import cached_digest
from wisedb.model.recognise import describe, verify

FIRST, SECOND = "a" * 64, "b" * 64


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # A file that was written just now is not trusted; the tests don't wait for it to age.
    monkeypatch.setattr(digest_cache, "_SETTLED", -1)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    made = [tmp_path / "one", tmp_path / "two"]
    for path in made:
        path.write_bytes(b"weights of " + path.name.encode())
    return made


def never() -> str:
    raise AssertionError("computed")


def kept() -> Path:
    (place,) = digest_cache.folder().iterdir()
    return place


def test_a_digest_is_computed_once(files: list[Path]) -> None:
    assert cached_digest(files, lambda: FIRST) == FIRST
    assert cached_digest(files, never) == FIRST
    assert cached_digest(files, lambda: SECOND, anew=True) == SECOND
    assert cached_digest(files, never) == SECOND


def test_links_to_the_same_files_are_the_same_files(files: list[Path], tmp_path: Path) -> None:
    cached_digest(files, lambda: FIRST)
    links = [tmp_path / "link one", tmp_path / "link two"]
    for link, file in zip(links, files, strict=True):
        link.symlink_to(file)
    assert cached_digest(links, never) == FIRST
    assert cached_digest(links[:1], lambda: SECOND) == SECOND


def _rewrite(path: Path) -> None:
    seen = path.stat()
    path.write_bytes(b"W" + path.read_bytes()[1:])
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def _replace(path: Path) -> None:
    seen = path.stat()
    other = path.with_name("other")
    other.write_bytes(b"W" + path.read_bytes()[1:])
    os.utime(other, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    other.replace(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(path.read_bytes() + b"!"),
        lambda path: os.utime(path, ns=(0, 0)),
        _rewrite,
        _replace,
    ],
    ids=["size", "time", "rewritten with its old time", "replaced with its old time"],
)
def test_a_file_that_changed_is_read_again(files: list[Path], change: Callable[[Path], object]) -> None:
    cached_digest(files, lambda: FIRST)
    time.sleep(0.02)  # the clock of the file system ticks every few milliseconds
    change(files[1])
    assert cached_digest(files, lambda: SECOND) == SECOND
    assert cached_digest(files, never) == SECOND


def test_a_file_that_changed_just_now_is_not_trusted(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest_cache, "_SETTLED", 3600 * 10**9)
    cached_digest(files, lambda: FIRST)
    assert not digest_cache.folder().exists()
    assert cached_digest(files, lambda: SECOND) == SECOND


def test_a_file_that_changes_meanwhile_is_not_kept(files: list[Path]) -> None:
    def compute() -> str:
        files[0].write_bytes(b"something else")
        return FIRST

    cached_digest(files, compute)
    assert cached_digest(files, lambda: SECOND) == SECOND


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: b"[]",
        lambda data: b"[" * 100_000,
        lambda data: b"\xff" + data,
        lambda data: data.replace(b"a" * 64, b"a" * 63 + b"c"),
        lambda data: data.replace(b'"version":1', b'"version":2'),
    ],
)
def test_a_damaged_cache_is_no_cache(files: list[Path], spoil: Callable[[bytes], bytes]) -> None:
    cached_digest(files, lambda: FIRST)
    kept().write_bytes(spoil(kept().read_bytes()))
    assert cached_digest(files, lambda: SECOND) == SECOND
    assert cached_digest(files, never) == SECOND


def test_a_cache_that_cannot_be_written_is_done_without(files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    assert cached_digest(files, lambda: FIRST) == FIRST
    assert cached_digest(files, lambda: SECOND) == SECOND


def test_files_that_are_gone_are_the_business_of_who_reads_them(tmp_path: Path) -> None:
    assert cached_digest([tmp_path / "nothing"], lambda: FIRST) == FIRST


def test_weights_are_hashed_in_one_process_and_believed_in_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    tiny_model("gpt2").save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    record = describe(load_base(str(folder)))
    with monkeypatch.context() as patch:
        patch.setattr(bases, "weights_digest", lambda folder: never())
        verify(record, load_base(str(folder)))
        with pytest.raises(AssertionError, match="computed"):
            describe(load_base(str(folder)), anew=True)
    time.sleep(0.02)
    tiny_model("gpt2", seed=1).save_pretrained(folder)
    with pytest.raises(BaseModelMismatch):
        verify(record, load_base(str(folder)))
