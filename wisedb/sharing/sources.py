"""Where lost objects may be: packs, other stores and exported adapters, as :mod:`wisedb.store.repair` asks them."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from wisedb.errors import CorruptObject, MissingObject, RemoteNotFound, UnknownRemote, WisedbError, WisedbWarning
from wisedb.sharing.bundle import read_bundle
from wisedb.sharing.incoming import file_size
from wisedb.sharing.manifest import Bundle, object_path
from wisedb.sharing.named import find_target
from wisedb.sharing.remotes.protocol import Remote, Snapshot
from wisedb.store.container import read_detached
from wisedb.store.places import FOLDER, is_store
from wisedb.store.refnames import BRANCHES
from wisedb.store.repair import FolderSource, Source
from wisedb.store.store import DEFAULT_BRANCH, Store

_ADAPTER = "adapter.json"
_OBJECTS = "objects"


@dataclass(frozen=True, slots=True)
class PackSource:
    """A pack; what is rotten there is passed over.

    Attributes:
        remote: where it is.
        must: whether a pack that can't be read is an error; else a warning says so.
    """

    remote: Remote
    must: bool = True

    @property
    def name(self) -> str:
        """The pack's address."""
        return self.remote.url

    def find(self, wanted: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """See :class:`wisedb.store.repair.Source`."""
        try:
            for bundle, snapshot in bundles_of(self.remote):
                yield from self._in(bundle, snapshot, wanted)
        except WisedbError as error:
            if self.must:
                raise
            warnings.warn(f"{self.name} can't be asked: {error.message}", WisedbWarning, stacklevel=2)

    def _in(self, bundle: Bundle, snapshot: Snapshot, wanted: Collection[str]) -> Iterator[tuple[str, bytes]]:
        try:
            contents = read_bundle(bundle, self.remote.read(bundle.path, snapshot, limit=bundle.bytes))
        except (CorruptObject, MissingObject):
            return
        for object_id in wanted:
            for part in (contents.commits, contents.blobs):
                if object_id in part:
                    yield object_id, part[object_id]
            if object_id in contents.headers:
                try:
                    header = read_detached(contents.headers[object_id])
                    yield object_id, self.remote.read(object_path(header), snapshot, limit=file_size(header))
                except (CorruptObject, MissingObject):
                    continue


def bundles_of(remote: Remote) -> Iterator[tuple[Bundle, Snapshot]]:
    """Every bundle of a pack, each once, with the state in which it is named.

    Raises:
        RemoteNotFound: there is no pack.
        RemoteError, CorruptObject, FormatTooNew: it can't be read.
    """
    seen: set[str] = set()
    for snapshot in snapshots_of(remote):
        for bundle in () if snapshot.manifest is None else snapshot.manifest.bundles:
            if bundle.name not in seen:
                seen.add(bundle.name)
                yield bundle, snapshot


def snapshots_of(remote: Remote) -> list[Snapshot]:
    """The states of a pack: one where one manifest names all refs, else each branch's, main first.

    Raises:
        RemoteNotFound: there is no pack.
        RemoteError, CorruptObject, FormatTooNew: it can't be read.
    """
    main = BRANCHES + DEFAULT_BRANCH
    branches = sorted((ref for ref in remote.refs() if ref.startswith(BRANCHES)), key=lambda ref: (ref != main, ref))
    if remote.shared:
        branches = branches[:1] or [main]
    found = [remote.snapshot(ref) for ref in branches]
    if not any(snapshot.manifest is not None for snapshot in found):
        raise RemoteNotFound(f"there is no pack at {remote.url}", hint="Check the address; `wisedb push` publishes.")
    return found


def sources_of(
    store: Store, places: Iterable[str] = (), *, token: str | None = None, endpoint: str | None = None
) -> list[Source]:
    """Where a store's lost objects are looked for.

    Args:
        store: the store.
        places: names or addresses of packs, folders of stores or of exported adapters; without any, the store's own
            remotes, as far as they can be reached.
        token, endpoint: as for :func:`wisedb.sharing.remotes.open_remote`.

    Raises:
        UnknownRemote, UsageError: a place is none.
    """
    named = list(places)
    if named:
        return [_source(store, text, token, endpoint, must=True) for text in named]
    found: list[Source] = []
    for name in store.config.remotes:
        try:
            found.append(_source(store, name, token, endpoint, must=False))
        except WisedbError as error:
            warnings.warn(f"{name} can't be asked: {error.message}", WisedbWarning, stacklevel=2)
    return found


def _source(store: Store, text: str, token: str | None, endpoint: str | None, *, must: bool) -> Source:
    folder = Path(store.config.remotes.get(text, text))
    for place in (folder, folder / FOLDER):
        if is_store(place) or (place / _ADAPTER).is_file():
            return FolderSource(str(folder), place / _OBJECTS)
    try:
        return PackSource(find_target(store, text, token=token, endpoint=endpoint).remote, must)
    except UnknownRemote as error:
        raise UnknownRemote(
            error.message, hint="Name a remote, the address of a pack, a store or an exported adapter."
        ) from error
