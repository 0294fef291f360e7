"""Stores with large memories, places to push them to, and remotes that fail on purpose."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi

from tests.hub.fixtures import ADA
from tests.hub.server import Hub
from tests.sharing.hub_pushes import REPO, Connect
from tests.store.conftest import BASE, Kit
from tests.store.entries import CHOICE, memory_entry
from wisedb.config import StoreConfig
from wisedb.edits import Edit
from wisedb.progress import Listener
from wisedb.sharing.clone import clone
from wisedb.sharing.named import ORIGIN, RemoteTarget, add_remote
from wisedb.sharing.push import push
from wisedb.sharing.remotes.folder import FolderRemote
from wisedb.sharing.remotes.hub import HubRemote
from wisedb.sharing.remotes.protocol import Publication, Published, Remote, Snapshot
from wisedb.store.blobs import Array, Blob
from wisedb.store.store import Store

ROWS, COLUMNS = 128, 200
ENTRIES = ROWS * COLUMNS
"""Of a mask with every bit set: its delta takes 100 KB."""


class Large(Kit):
    """Makes commits whose deltas are too large for a bundle."""

    def shard(self, seed: int) -> Blob:
        """A mask with all bits set, told apart by its seed."""
        bits = b"\xff" * (ENTRIES // 8)
        meta = {"shape": [ROWS, COLUMNS], "ratio": 1.0, "seed": seed, "entries": ENTRIES}
        return Blob("mask", meta, {"bits": Array("U8", (len(bits),), bits)})

    def values(self, mask: Blob, seed: int, *edits: Edit) -> Blob:
        """A delta of numbers that can't be compressed."""
        data = random.Random(seed).randbytes(ENTRIES * 4)
        ids = [edit.id for edit in edits]
        return Blob("delta", {"origin": mask.id, "edits": ids}, {"values": Array("F32", (ENTRIES,), data)})

    def land(
        self, store: Store, *edits: Edit, minute: int = 1, shards: int = 1, seed: int = 0, ref: str = "HEAD"
    ) -> str:
        """Land a commit with new edits and new versions of the first shards; returns its id."""
        ref = store.refs.head().ref if ref == "HEAD" else ref
        tip = store.refs.read(ref)
        assert tip is not None
        parent = store.objects.commit(tip)
        memories = list(parent.memories)
        blobs: list[tuple[Blob, str | None]] = [(self.edits(*edits), None)]
        for number in range(shards):
            mask = self.shard(number)
            delta = self.values(mask, hash((seed, minute, number)), *edits)
            delta_base = memories[number].main if number < len(memories) else None
            blobs += [(mask, None), (delta, delta_base)]
            memories[number : number + 1] = [memory_entry(mask.id, delta.id)]
        with store.transaction(tip, ref=ref) as transaction:
            for blob, delta_base in blobs:
                transaction.put(blob, delta_base=delta_base)
            commit = self.commit(
                tip,
                minute=minute,
                message=f"commit {minute}",
                edits=blobs[0][0].id,
                added=tuple(edit.id for edit in edits),
                memories=tuple(memories),
                editor=store.config.editor,
            )
            return transaction.land(commit, action="commit")


class Failing:
    """A remote that counts its calls and fails at one of them."""

    def __init__(self, remote: Remote, at: int | None = None, error: Exception | None = None) -> None:
        self.remote = remote
        self.at = at
        self.error = error or ConnectionError("cut")
        self.calls: list[str] = []
        self.arrived: list[str] = []

    @property
    def url(self) -> str:
        return self.remote.url

    @property
    def shared(self) -> bool:
        return self.remote.shared

    def refs(self) -> Mapping[str, str]:
        self._count("refs")
        return self.remote.refs()

    def snapshot(self, ref: str) -> Snapshot:
        self._count("snapshot")
        return self.remote.snapshot(ref)

    def read(self, path: str, snapshot: Snapshot, *, limit: int) -> bytes:
        self._count(path)
        data = self.remote.read(path, snapshot, limit=limit)
        self.arrived.append(path)
        return data

    def publish(self, publication: Publication, *, progress: Listener | None = None) -> Published:
        self._count("publish")
        return self.remote.publish(publication, progress=progress)

    def _count(self, call: str) -> None:
        self.calls.append(call)
        if len(self.calls) == self.at:
            raise self.error


def state(remote: Remote) -> dict[str, str]:
    """What a remote shows."""
    return dict(remote.refs())


def sent_to(folder: Path) -> dict[str, bytes]:
    """The files of a pack in a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@pytest.fixture
def kit() -> Large:
    return Large()


@pytest.fixture
def make_store(tmp_path: Path, kit: Large) -> Callable[[str], Store]:
    """Makes stores by name, all with the same first commit."""

    def make(name: str) -> Store:
        pool = Blob("pool", {"prompts": ["The sky is"], "contexts": ["Well,"], "generator": {}})
        choice = replace(CHOICE, resources={"pool": pool.id})
        return Store.init(tmp_path / name, StoreConfig(BASE, choice), kit.commit(message="init", editor=choice), [pool])

    return make


@pytest.fixture
def store(make_store: Callable[[str], Store], kit: Large) -> Store:
    """A store with three commits, each with a large delta."""
    made = make_store("ada")
    for minute in (1, 2, 3):
        kit.land(made, kit.edit(minute), minute=minute)
    return made


@pytest.fixture
def plain_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cards that cost nothing, for tests of many pushes."""
    monkeypatch.setattr("wisedb.sharing.push.model_card", lambda *args, **more: "a card")


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """Where a pack will be."""
    return tmp_path / "pack"


@pytest.fixture
def target(store: Store, pack: Path) -> RemoteTarget:
    """The store's origin."""
    add_remote(store, ORIGIN, str(pack))
    return RemoteTarget(ORIGIN, FolderRemote(pack), ORIGIN)


@pytest.fixture
def bob(store: Store, target: RemoteTarget, tmp_path: Path, pack: Path) -> Store:
    """A clone of what the store has pushed."""
    push(store, target)
    return clone(str(pack), tmp_path / "bob").store


@pytest.fixture
def connect(hub: Hub, hub_api: HfApi, tmp_path: Path) -> Connect:
    """A remote at ``org/facts``, as ada with a cache of its own; ``hub_api`` switches Xet off in this process."""

    def make(token: str | bool = ADA, cache: str = "cache", repo: str = REPO, **more: Any) -> HubRemote:
        return HubRemote(f"hf://{repo}", token=token, endpoint=hub.url, cache_dir=tmp_path / cache, **more)

    return make
