"""A pack kept at hand: a lazy clone in the user's cache, brought up to date when it is asked for.

What the cache says of branches and tags is what the remote said last; nobody commits there. Processes take turns.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from filelock import FileLock
from huggingface_hub import cached_assets_path, constants

from wisedb.canonical import digest
from wisedb.errors import MissingObject, RemoteNotFound, RemoteUnavailable, UnknownRevision
from wisedb.paths import expanded
from wisedb.progress import Listener
from wisedb.sharing.clone import clone
from wisedb.sharing.fetch import Reachability, fetch, read_remote
from wisedb.sharing.lazy import fetch_promised
from wisedb.sharing.named import ORIGIN, RemoteTarget, tracking_ref
from wisedb.sharing.remotes.open import open_remote
from wisedb.sharing.remotes.protocol import Remote
from wisedb.sharing.url import Address, parse_address
from wisedb.store.commits import Commit
from wisedb.store.container import ID
from wisedb.store.places import FOLDER
from wisedb.store.refnames import BRANCHES, HEAD, REMOTES, TAGS, is_ref_name
from wisedb.store.revisions import parse
from wisedb.store.store import Store

_HUB: Final = "hf"
_PREFIX: Final = re.compile(r"[0-9a-fA-F]{4,64}")


@dataclass(frozen=True, slots=True)
class CachedPack:
    """A pack at a commit.

    Attributes:
        store: the cached clone; nothing may be committed to it.
        commit_id: the commit.
        commit: what it says.
    """

    store: Store
    commit_id: str
    commit: Commit

    def complete(self) -> None:
        """Have the commit's memories at hand: what is missing of them travels now, all at a time.

        Raises:
            MissingObject: something is missing, and the network may not be used.
            CorruptObject, RemoteError: it didn't arrive.
        """
        blobs = sorted({blob for memory in self.commit.memories for blob in memory.blobs.values()})
        objects = self.store.objects
        lacking = [] if objects.promise.fetch is not None else objects.promised(blobs)
        if lacking:
            raise MissingObject(
                f"of commit {self.commit_id[:12]} {len(lacking)} blobs ({sum(map(objects.size, lacking))} bytes) are "
                "not in the cache, and the network may not be used",
                hint="Load it once with a network (without local_files_only and HF_HUB_OFFLINE).",
            )
        objects.ensure(blobs)


def cached_pack(
    url: str,
    revision: str | None = None,
    *,
    token: str | bool | None = None,
    endpoint: str | None = None,
    cache_dir: Path | None = None,
    local_files_only: bool = False,
    progress: Listener | None = None,
) -> CachedPack:
    """Find a pack in the cache, or clone it there, with everything but the payloads of large memories.

    Where the remote can't be reached, the state that was seen last counts, with a warning. A commit that is asked for
    by its whole id and is there already needs no look at the remote.

    Args:
        url: the pack's address.
        revision: a branch or tag of the remote or a commit id, with ``~n`` if need be; the default branch by default.
        token: the Hub's; ``False`` for none.
        endpoint: another Hub or S3 server than the usual one.
        cache_dir: another cache than that of ``huggingface_hub`` (``HF_HOME``).
        local_files_only: use what is in the cache, and nothing else; so it is with ``HF_HUB_OFFLINE`` and the Hub.
        progress: told while files arrive.

    Raises:
        UnknownRemote, UsageError: the address is none.
        RemoteNotFound: there is no pack.
        RemoteUnavailable: the remote can't be reached, or may not be, and the pack is not in the cache.
        NotAuthorized, CorruptObject, FormatTooNew: it can't be read.
        UnknownRevision, AmbiguousId: it has no such revision, or several.
    """
    address = parse_address(url)
    place = _place(address, endpoint, cache_dir)
    offline = local_files_only or (address.scheme == _HUB and constants.HF_HUB_OFFLINE)
    remote = None if offline else _remote(address, token, endpoint, cache_dir)
    with FileLock(place / "lock"):
        store = Store.open(place / "store") if (place / "store" / FOLDER).is_dir() else None
        if remote is not None and not _is_here(store, revision):
            try:
                store = _up_to_date(address, place / "store", store, remote, progress)
            except RemoteUnavailable as error:
                if store is None:
                    raise
                warnings.warn(f"{error.message}; {url} is used as it was seen last", stacklevel=3)
    if store is None:
        raise RemoteUnavailable(
            f"{address.url} is not in the cache, and the network may not be used",
            hint="Load it once with a network (without local_files_only and HF_HUB_OFFLINE).",
        )
    if remote is not None:
        store.objects.promise.fetch = partial(_fetch, store, remote, progress)
    commit_id = _resolve(store, address, revision)
    return CachedPack(store, commit_id, store.objects.commit(commit_id))


def _place(address: Address, endpoint: str | None, cache_dir: Path | None) -> Path:
    """The folder of an address; two Hubs may have repositories of one name."""
    server = endpoint or (constants.ENDPOINT if address.scheme == _HUB else "")
    key = f"{address.name}-{digest(f'{server} {address.url}'.encode())[:16]}"
    assets = None if cache_dir is None else expanded(cache_dir) / "assets"
    return cached_assets_path("wisedb", namespace="packs", subfolder=key, assets_dir=assets)


def _remote(address: Address, token: str | bool | None, endpoint: str | None, cache_dir: Path | None) -> Remote:
    if address.scheme != _HUB:
        return open_remote(address, endpoint=endpoint)
    from wisedb.sharing.remotes.hub import HubRemote

    return HubRemote(address.url, token=token, endpoint=endpoint, cache_dir=cache_dir)


def _is_here(store: Store | None, revision: str | None) -> bool:
    return store is not None and ID.fullmatch(revision or "") is not None and Reachability(store)(str(revision))


def _up_to_date(
    address: Address, folder: Path, store: Store | None, remote: Remote, progress: Listener | None
) -> Store:
    """The clone, with the remote's branches and tags as they are now."""
    if store is None:
        return clone(address.url, folder, lazy=True, remote=remote, progress=progress).store
    published = read_remote(remote).refs
    if not any(ref.startswith(BRANCHES) for ref in published):
        raise RemoteNotFound(f"there is no pack at {remote.url} any more", hint="Check the address.")
    if published == _seen(store):
        return store
    fetched = fetch(store, RemoteTarget(ORIGIN, remote, ORIGIN), prune=True, progress=progress)
    # Unlike in a store of somebody's own, a tag is where the remote has it.
    moved = {TAGS + name for name in fetched.kept} | {ref for ref in store.refs.names(TAGS) if ref not in published}
    with store.lock.hold("moving tags"):
        for ref in sorted(moved):
            store.refs.update(ref, store.refs.read(ref), published.get(ref), "fetch: tag moved")
    return store


def _seen(store: Store) -> Mapping[str, str]:
    """The remote's branches and tags as they were seen last."""
    tracked = {
        BRANCHES + ref.removeprefix(f"{REMOTES}{ORIGIN}/"): store.refs.read(ref)
        for ref in store.refs.names(f"{REMOTES}{ORIGIN}/")
    }
    tags = {ref: store.refs.read(ref) for ref in store.refs.names(TAGS)}
    return {ref: commit for ref, commit in {**tracked, **tags}.items() if commit is not None}


def _resolve(store: Store, address: Address, revision: str | None) -> str:
    wanted = parse(revision or HEAD)
    name = str(store.refs.head().branch) if wanted.base == HEAD else wanted.base
    # In full: the clone's own branch stands where the remote's was when it was cloned.
    spellings = [ref for ref in (tracking_ref(ORIGIN, name), TAGS + name) if is_ref_name(ref)]
    base = next((ref for ref in spellings if store.refs.read(ref) is not None), name)
    if wanted.back is not None or (base == name and not _PREFIX.fullmatch(name)):
        known = sorted(ref.removeprefix(BRANCHES).removeprefix(TAGS) for ref in _seen(store))
        raise UnknownRevision(
            f"{address.url} has no branch, tag or commit '{revision or name}'", hint=f"It has: {', '.join(known)}."
        )
    return store.resolve(str(replace(wanted, base=base)))


def _fetch(store: Store, remote: Remote, progress: Listener | None, blob_ids: Collection[str]) -> None:
    fetch_promised(store, remote, blob_ids, progress)
