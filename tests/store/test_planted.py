"""A store from somebody else with links and pipes in the place of its files: none is followed, whoever asks."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.store.conftest import Kit
from wisedb.edits import Edit
from wisedb.errors import UnsafeFile, WisedbError
from wisedb.store import history
from wisedb.store.fsck import fsck
from wisedb.store.gc import collect
from wisedb.store.refnames import HEAD
from wisedb.store.store import Store
from wisedb.store.tag_notes import TagNote

SECRET = "a key that opens everything\n"


@pytest.fixture
def full(store: Store, kit: Kit, edits: list[Edit]) -> Store:
    """A store with a file of every kind."""
    for number in range(3):
        kit.write(store, edits[number], minute=number + 1)
    store.refs.create("refs/tags/v1", store.resolve("HEAD~1"), "tag")
    store.tag_notes.write("v1", TagNote(store.resolve("v1"), "Ada", "2026-01-01T00:00:00Z", "a note"))
    store.staging.add(edits[4:6])
    store.scores.put(store.resolve("HEAD"), "in-force", {"reliability": 1.0})
    store.refs.keep_orig_head(store.resolve("HEAD~1"))
    store.index.rebuild()
    return store


@pytest.fixture(autouse=True)
def _nobody_waits() -> Iterator[None]:
    """Opening a pipe would wait for ever: then the test fails."""

    def late(*_: object) -> None:
        raise TimeoutError("it waits for a pipe")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def everything(root: Path, kit: Kit) -> None:
    """What commands do to a store, each whether or not the one before was refused."""
    store = Store(root, lock_timeout=0.1)
    calls: list[Callable[[], object]] = [
        lambda: store.config,
        lambda: history.facts(store),
        lambda: history.log(store),
        lambda: store.refs.reflog(HEAD),
        lambda: store.tag_notes.read("v1"),
        lambda: store.stash.read(),
        lambda: store.staging.add([kit.edit(9)]),
        lambda: kit.write(store, kit.edit(7), minute=9),
        lambda: store.refs.create("refs/heads/evil", store.resolve(HEAD), "rm -rf ~"),
        lambda: store.refs.set_head("refs/heads/evil", "switch"),
        lambda: store.scores.put(store.resolve(HEAD), "other", {"x": 1}),
        lambda: store.scores.get(store.resolve("HEAD~1")),
        lambda: store.index.ensure(),
        lambda: store.index.rebuild(),
        lambda: collect(store, grace=timedelta(0), dry_run=False),
    ]
    for call in calls:
        try:
            told = repr(call())
        except WisedbError as error:
            told = str(error) + error.hint
        assert SECRET.strip() not in told


def names(root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in sorted(root.rglob("*"))]


@pytest.mark.filterwarnings("ignore:the answer leaves out what can't be read")
def test_no_file_and_no_folder_of_a_store_is_taken_from_behind_a_link(full: Store, kit: Kit, tmp_path: Path) -> None:
    """Each file and folder in turn: moved elsewhere, with a link in its place, and then everything is done."""
    keep, away, secret = tmp_path / "keep", tmp_path / "away", tmp_path / "secret"
    shutil.copytree(full.root, keep)
    for name in names(keep):
        if len(name.split("/")) > 2 and "objects" in name and "heads" not in name and name.endswith("json"):
            continue  # one commit is like the other; blobs are asked for below
        root = tmp_path / "planted"
        shutil.copytree(keep, root)
        path = root / name
        shutil.rmtree(away, ignore_errors=True)
        if path.is_dir():
            path.rename(away)
            path.symlink_to(away)
        else:
            away.mkdir()
            path.unlink()
            path.symlink_to(secret)
            secret.write_text(SECRET)
        before = {file: file.read_bytes() for file in away.rglob("*") if file.is_file()}
        assert ("unsafe-file", name) in {(problem.kind, problem.object) for problem in fsck(Store(root)).problems}
        everything(root, kit)
        assert {file: file.read_bytes() for file in away.rglob("*") if file.is_file()} == before, name
        assert not secret.exists() or secret.read_text() == SECRET, name
        shutil.rmtree(root)


@pytest.mark.filterwarnings("ignore:the answer leaves out what can't be read")
def test_no_pipe_keeps_a_command_waiting(full: Store, kit: Kit, tmp_path: Path) -> None:
    keep = tmp_path / "keep"
    shutil.copytree(full.root, keep)
    files = [name for name in names(keep) if (keep / name).is_file() and not name.startswith("objects")]
    files += [next(name for name in names(keep) if name.endswith(end)) for end in (".safetensors", ".json")]
    for name in (*files, "lock", "index/lock", "stash.jsonl", "refs/heads/main.lock"):
        root = tmp_path / "planted"
        shutil.copytree(keep, root)
        (root / name).unlink(missing_ok=True)
        os.mkfifo(root / name)
        assert not fsck(Store(root)).ok
        everything(root, kit)
        shutil.rmtree(root)


def test_a_read_empties_no_file_that_the_lock_of_the_index_leads_to(full: Store, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    shutil.rmtree(full.root / "index")
    (full.root / "index").mkdir()
    (full.root / "index" / "lock").symlink_to(secret)
    with pytest.raises(UnsafeFile, match="index/lock is a link"):
        Store(full.root).index.ensure()
    assert secret.read_text() == SECRET


def test_no_switch_writes_to_where_a_log_leads(full: Store, tmp_path: Path) -> None:
    profile = tmp_path / "profile"
    profile.write_text(SECRET)
    full.refs.create("refs/heads/x", full.resolve("HEAD~1"), "branch")
    (full.root / "logs" / "HEAD.jsonl").unlink()
    (full.root / "logs" / "HEAD.jsonl").symlink_to(profile)
    with pytest.raises(UnsafeFile):
        full.refs.set_head("refs/heads/x", "switch")
    assert profile.read_text() == SECRET and full.refs.head().branch == "main"


def test_a_write_ahead_log_beside_a_generation_is_no_part_of_it(full: Store) -> None:
    current = full.index.status()
    (generation,) = (full.root / "index").glob("gen-*.duckdb")
    Path(f"{generation}.wal").write_bytes(b"rubbish")
    assert (current, Store(full.root).index.status()) == ("ok", "corrupt")
    assert Store(full.root).index.ensure() == "rebuilt" and Store(full.root).index.status() == "ok"
