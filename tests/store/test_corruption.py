"""Whatever happens to whichever file: a reader gets the truth, or one line that says what is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.conftest import Kit
from wisedb.config import StoreConfig
from wisedb.errors import WisedbError
from wisedb.store.fsck import fsck
from wisedb.store.gc import collect
from wisedb.store.graph import ancestors
from wisedb.store.store import Store

READS: dict[str, Callable[[Store], object]] = {
    "resolve": lambda store: [store.resolve(text) for text in ("HEAD", "main~2", "v1", "@{1}", "HEAD@{2}")],
    "head": lambda store: store.head_commit(),
    "log": lambda store: list(ancestors(store.objects, store.resolve("HEAD"))),
    "blobs": lambda store: [store.objects.get(blob_id) for blob_id in store.objects.ids()],
    "metas": lambda store: [store.objects.meta(blob_id) for blob_id in store.objects.ids()],
    "refs": lambda store: (store.refs.branches(), store.refs.tags(), store.refs.head()),
    "reflog": lambda store: (store.refs.reflog(), store.refs.reflog("refs/heads/main")),
    "staging": lambda store: store.staging.edits(),
    "scores": lambda store: {commit_id: store.scores.get(commit_id) for commit_id in store.scores.commit_ids()},
    "gc": lambda store: collect(store),
}
WRITES: dict[str, Callable[[Store], object]] = {
    "commit": lambda store: Kit().write(store, Kit().edit(7), minute=9),
    "stage": lambda store: store.staging.add([Kit().edit(6)]),
    "branch": lambda store: store.refs.create("refs/heads/new", store.resolve("HEAD"), "branch"),
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with something of everything."""
    kit = Kit()
    store = Store.init(tmp_path_factory.mktemp("template"), StoreConfig(kit.base), kit.commit(message="init"))
    for number in range(3):
        kit.write(store, kit.edit(number), minute=number + 1)
    store.refs.create("refs/tags/v1", store.resolve("HEAD~1"), "tag")
    store.staging.add([kit.edit(4), kit.edit(5)])
    store.scores.put(store.resolve("HEAD"), "in-force", {"reliability": 1.0})
    return store


@st.composite
def spoilers(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Ways to spoil a file: change a byte, cut it off, add to it, empty it, put noise in its place."""
    where, what = draw(st.floats(0, 1, exclude_max=True)), draw(st.binary(min_size=1, max_size=20))
    way = draw(st.sampled_from(["flip", "cut", "insert", "add", "noise", "empty"]))

    def spoil(data: bytes) -> bytes:
        place = int(where * len(data))
        return {
            "flip": data[:place] + bytes([data[place] ^ (what[0] or 1)]) + data[place + 1 :] if data else b"x",
            "cut": data[:place],
            "insert": data[:place] + what + data[place:],
            "add": data + what,
            "noise": what,
            "empty": b"",
        }[way]

    return spoil


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), spoil=spoilers())
def test_a_spoilt_file(template: Store, tmp_path: Path, place: int, spoil: Callable[[bytes], bytes]) -> None:
    truth = {name: read(template) for name, read in READS.items()}
    folder = tmp_path / "copy"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(template.root.parent, folder)
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in ("lock", "config.toml"))
    path = paths[place % len(paths)]
    path.chmod(0o644)
    path.write_bytes(spoil(path.read_bytes()))
    store = Store.open(folder)
    for name, read in READS.items():
        try:
            found = read(store)
        except WisedbError as error:
            assert "\n" not in str(error) and error.hint, (name, path)
        else:
            # An incomplete last line of a log is what a dead process leaves, and no damage.
            unfinished = name in ("reflog", "resolve") and path.suffix == ".jsonl"
            # A ref may have become that of a commit that doesn't exist: lists show it, whoever follows it is told.
            dangling = name == "refs" and "refs" in path.parts and not fsck(store).ok
            assert found == truth[name] or unfinished or dangling, (name, path)
    fsck(store)
    for write in WRITES.values():
        try:
            write(store)
        except WisedbError as error:
            assert "\n" not in str(error) and error.hint, path
