"""A store of this machine as a remote: what others clone, fetch and pull from, without a pack of its own."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from wisedb.errors import RemoteNotFound
from wisedb.progress import Listener
from wisedb.sharing.remotes.folder import FolderRemote
from wisedb.sharing.remotes.protocol import Publication, Published, Snapshot
from wisedb.store.refnames import BRANCHES, TAGS
from wisedb.store.store import Store


class StoreRemote:
    """A store, read as if it were a pack: one is made of it in a temporary folder when it is first needed.

    Args:
        folder: the store, or the folder that holds it.
    """

    shared = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store = Store.open(folder)

    @property
    def url(self) -> str:
        """The absolute path."""
        return str(self._folder)

    def refs(self) -> Mapping[str, str]:
        """Full name of every branch and tag → commit id."""
        return {ref: commit for prefix in (BRANCHES, TAGS) for ref, commit in self._store.refs.items(prefix)}

    def snapshot(self, ref: str) -> Snapshot:
        """The state when it was first looked at."""
        return self._pack.snapshot(ref)

    def read(self, path: str, snapshot: Snapshot, *, limit: int) -> bytes:
        """One file of the pack."""
        return self._pack.read(path, snapshot, limit=limit)

    def publish(self, publication: Publication, *, progress: Listener | None = None) -> Published:
        """Refused: a store's branches are moved by whoever works there."""
        raise self.not_a_pack()

    def not_a_pack(self) -> RemoteNotFound:
        """What to say to whoever wants to push there."""
        return RemoteNotFound(
            f"{self._folder} is a store, and a push would move branches under whoever works there",
            hint="`wisedb pull` there with the path of this store, or push to a folder that is new.",
        )

    @cached_property
    def _pack(self) -> FolderRemote:
        # Here: a push opens remotes, this one among them.
        from wisedb.sharing.jobs import PushOptions
        from wisedb.sharing.named import RemoteTarget
        from wisedb.sharing.push import push

        folder = Path(tempfile.mkdtemp(prefix="wisedb-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        pack = FolderRemote(folder / "pack")
        everything = PushOptions(all_branches=True, all_tags=True, allow_secrets=True)
        push(self._store, RemoteTarget(self.url, pack, None), everything)
        return pack
