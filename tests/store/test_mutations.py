"""Every field of every document that a store, a pack or an adapter holds, with a value of another type in its place.

The hashes are right, as those of whoever makes such a thing on purpose are. Whatever reads it takes it, or says in one
line what is wrong with it.
"""

from __future__ import annotations

import json
import random
import shutil
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from tests.mutations import mutations
from tests.store.conftest import Kit
from tests.store.entries import memory_entry
from wisedb.canonical import canonical_json, digest
from wisedb.config import StoreConfig
from wisedb.editors.common.pool import POOL
from wisedb.errors import WisedbError
from wisedb.export.adapter import read_adapter
from wisedb.export.peft.folder import read_peft
from wisedb.serving.memory_codec import modern_entry, part_of, read_memories, read_memory
from wisedb.serving.merge_memories import merge_by_ties
from wisedb.sharing.manifest import Manifest
from wisedb.store import history
from wisedb.store.blobs import Blob
from wisedb.store.commits import Commit
from wisedb.store.contents import check_meta
from wisedb.store.fsck import fsck
from wisedb.store.memory_entry import MemoryEntry
from wisedb.store.named import read_commit
from wisedb.store.store import Store
from wisedb.versioning.bisect import read as read_bisect
from wisedb.versioning.streams import find_start, in_force_at, modern_memories, read_streams

FORMAT_1 = Path(__file__).parent.parent / "format1"


def spelt(document: Any) -> bytes:
    """Canonical but for half a letter, which is spelt out."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def survives(where: str, read: Callable[[], object]) -> bool:
    """Whether it is taken; what isn't is refused in one line, with a hint."""
    try:
        read()
    except WisedbError as error:
        assert "\n" not in error.message, where
        assert error.hint, (where, error.message)
        return False
    except Exception as error:
        raise AssertionError(f"{where}: {error!r}") from error
    return True


def some(found: Iterable[tuple[str, Any]], count: int, seed: int = 0) -> list[tuple[str, Any]]:
    """Not all of many, but each time the same ones."""
    listed = list(found)
    return listed if len(listed) <= count else random.Random(seed).sample(listed, count)


@pytest.fixture
def old(tmp_path: Path) -> Store:
    """A store of format 1, with memories that were trained."""
    shutil.copytree(FORMAT_1 / "store", tmp_path / "old")
    return Store.open(tmp_path / "old")


@pytest.fixture
def full(store: Store, kit: Kit) -> Store:
    for number in range(2):
        kit.write(store, kit.edit(number), minute=number + 1)
    return store


def everything(data: bytes) -> object:
    commit = Commit.from_bytes(data)
    return commit.id, commit.when, commit.blobs, commit.modules, commit.choice, commit.trained_on_locality


def test_commits(full: Store, old: Store) -> None:
    for store in (full, old):
        _, commit = store.head_commit()
        for where, document in some(mutations(commit.to_json(), deep=4), 400):
            data = spelt(document)
            taken = survives(where, partial(everything, data))
            if survives(where, partial(read_commit, data)):
                assert taken and read_commit(data).to_bytes() == data


class Over:
    """The store's blobs, one of them replaced."""

    def __init__(self, store: Store, blob_id: str, blob: Blob) -> None:
        self._store, self._id, self._blob = store, blob_id, blob

    def get(self, blob_id: str, /) -> Blob:
        return self._blob if blob_id == self._id else self._store.objects.get(blob_id)

    def ensure(self, blob_ids: Iterable[str], /) -> None:
        pass


def test_memories(old: Store) -> None:
    memory = old.head_commit()[1].memories[0]
    for role, blob_id in memory.blobs.items():
        blob = old.objects.get(blob_id)
        for where, meta in some(mutations(blob.meta, deep=3), 60):
            if not isinstance(meta, dict):
                continue
            survives(f"{role} {where}", partial(check_meta, blob.kind, meta))
            try:
                changed = Blob(blob.kind, meta, blob.arrays)
            except WisedbError:
                continue
            source = Over(old, blob_id, changed)
            survives(f"{role} {where}", partial(read_memory, source, memory))
            survives(f"{role} {where}", partial(modern_entry, source, memory))


def test_pools(full: Store) -> None:
    blob = full.objects.get(full.config.editor.resources["pool"])
    for where, meta in mutations(blob.meta):
        if isinstance(meta, dict):
            try:
                changed = Blob("pool", meta)
            except WisedbError:
                continue
            survives(where, partial(POOL.read, part_of(changed)))


def test_versions_through_every_command_that_reads_them(full: Store, kit: Kit) -> None:
    """A commit that was made by hand on another branch: its own commands refuse it, and those of main are as before."""
    tip, commit = full.head_commit()
    memory = commit.memories[0]
    blob = full.objects.get(memory.main)
    truth = history.facts(full), history.search(full, "land")
    seen: set[str] = set()
    for where, meta in some(mutations(blob.meta, deep=3), 50):
        if not isinstance(meta, dict):
            continue
        try:
            changed = full.objects.put(Blob(blob.kind, meta, blob.arrays))
        except WisedbError:
            continue
        entry = memory_entry(memory.id, changed)
        evil = full.objects.put_commit(kit.commit(tip, message=where, memories=(entry,)))
        if evil in seen:
            continue
        seen.add(evil)
        (full.root / "refs/heads/evil").write_text(evil + "\n")
        fresh = Store.open(full.root)
        read = fresh.objects.commit(evil)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert (history.facts(fresh), history.search(fresh, "land")) == truth, where
            for ask in (
                lambda store=fresh: history.facts(store, "evil"),
                lambda store=fresh: history.blame(store, "The capital of land 0 is", "evil"),
                lambda store=fresh: history.diff(store, "main", "evil"),
                lambda store=fresh, read=read: read_streams(store, read),
                lambda store=fresh, read=read: modern_memories(store, read),
                lambda store=fresh, read=read: in_force_at(store, read),
                lambda store=fresh, read=read, evil=evil: find_start(
                    store, [evil], memory.id, read_streams(store, commit)[0].held.stream, ""
                ),
                lambda store=fresh, entry=entry: read_memory(store.objects, entry),
            ):
                survives(where, ask)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fsck(Store.open(full.root), examine=lambda entry: read_memory(full.objects, entry))


def loads(folder: Path, read: Callable[[Path], Any]) -> None:
    adapter = read(folder)
    merge_by_ties(adapter.commit, read_memories(adapter.objects, adapter.commit.memories))


@pytest.mark.parametrize(
    ("name", "file", "read"),
    [
        ("adapter", "adapter.json", read_adapter),
        ("peft", "adapter_config.json", read_peft),
    ],
)
def test_adapters(name: str, file: str, read: Callable[[Path], Any], tmp_path: Path) -> None:
    folder = tmp_path / name
    shutil.copytree(FORMAT_1 / name, folder)
    loads(folder, read)
    document = json.loads((folder / file).read_bytes())
    for where, changed in some(mutations(document, deep=4), 100):
        (folder / file).write_bytes(spelt(changed))
        survives(where, lambda: loads(folder, read))


def test_manifests(full: Store, kit: Kit) -> None:
    new = Manifest(full.config.base, full.config.editor, {"refs/heads/main": "a" * 64}).to_json()
    new["bundles"] = [{"name": "b" * 64, "bytes": 123, "objects": 1, "tips": ["a" * 64]}]
    old = json.loads(next(path.read_bytes() for path in sorted((FORMAT_1 / "pack").rglob("*.json"))))
    for document in (new, old):
        assert survives("as it is", partial(Manifest.from_bytes, spelt(document)))
        for where, changed in some(mutations(document, deep=4), 200):
            survives(where, partial(Manifest.from_bytes, spelt(changed)))


def test_a_bundle_of_a_length_that_is_no_whole_number() -> None:
    document = json.loads(next(path.read_bytes() for path in sorted((FORMAT_1 / "pack").rglob("*.json"))))
    document["bundles"][0]["bytes"] = 123.0
    assert not survives("123.0", lambda: Manifest.from_bytes(spelt(document)))


def headed(lines: list[Any]) -> bytes:
    body = b"".join(spelt(line) + b"\n" for line in lines)
    return canonical_json({"sha256": digest(body)}) + b"\n" + body


def test_what_waits_beside_the_history(full: Store, kit: Kit) -> None:
    edit = kit.edit(5).to_json()
    stashed = {"message": "m", "branch": "main", "commit": "a" * 64, "date": "2026-01-01T00:00:00Z", "edits": [edit]}
    for where, changed in some(mutations(edit), 150):
        (full.root / "staged.jsonl").write_bytes(headed([changed]))
        survives(f"staged {where}", full.staging.edits)
    for where, changed in some(mutations(stashed, deep=2), 150):
        (full.root / "stash.jsonl").write_bytes(headed([changed]))
        survives(f"stash {where}", full.stash.read)
    note = {"commit": "a" * 64, "tagger": "Ada", "date": "2026-01-01T00:00:00Z", "message": "m"}
    (full.root / "tag-notes").mkdir()
    for where, changed in mutations(note):
        (full.root / "tag-notes/v1.json").write_bytes(spelt(changed))
        survives(f"note {where}", lambda: full.tag_notes.read("v1"))
    state = {
        "start": "main", "bad": "a" * 64, "testing": None, "left": 3, "good": ["a" * 64], "skipped": [],
        "told": ["good x"], "suspects": [],
    }  # fmt: skip
    for where, changed in mutations(state):
        (full.root / "bisect.json").write_bytes(spelt(changed))
        survives(f"bisect {where}", lambda: read_bisect(full))
    scores = full.root / "scores" / full.resolve("HEAD") / "in-force.json"
    scores.parent.mkdir(parents=True, exist_ok=True)
    for where, changed in mutations({"reliability": 1.0, "rows": [{"prompt": "x"}]}):
        body = spelt(changed)
        scores.write_bytes(spelt({"record": changed, "sha256": digest(body)}))
        survives(f"scores {where}", lambda: full.scores.get(full.resolve("HEAD")))


def test_the_index_file(full: Store) -> None:
    truth = history.facts(full)
    path = full.root / "index/CURRENT"
    whole = path.read_bytes()
    for where, changed in some(mutations(json.loads(whole), deep=3), 40):
        path.write_bytes(spelt(changed))
        assert survives(f"CURRENT {where}", lambda: Store.open(full.root).index.status())
    for place in range(0, len(whole), 17):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 2]) + whole[place + 1 :])
        assert survives(f"CURRENT byte {place}", lambda: Store.open(full.root).index.status())
    path.write_bytes(spelt({**json.loads(whole), "bytes": 10**400}))
    assert history.facts(Store.open(full.root)) == truth


def test_the_configuration(full: Store) -> None:
    import tomllib

    document = tomllib.loads((full.root / "config.toml").read_text())
    for where, changed in mutations(document, deep=3):
        try:
            data = tomli_w.dumps(changed).encode()
        except (TypeError, ValueError, AttributeError):
            continue  # nothing that TOML can say
        survives(f"config {where}", partial(StoreConfig.from_toml, data))


def test_entries_of_memories(full: Store) -> None:
    entry = full.head_commit()[1].memories[0].to_json()
    for where, changed in mutations(entry):

        def read(changed: Any = changed) -> object:
            try:
                return MemoryEntry.from_json(changed)
            except (KeyError, TypeError, ValueError, AttributeError):
                return None  # who reads a commit or an adapter turns these into errors of its own

        survives(where, read)
