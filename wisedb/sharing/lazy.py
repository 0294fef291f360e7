"""A lazy clone's promise kept: the payloads of blobs are fetched when a commit that needs them is read."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from wisedb.errors import CorruptObject, MissingObject
from wisedb.progress import Listener
from wisedb.sharing.incoming import download, file_size, refuse_bomb
from wisedb.sharing.manifest import object_path
from wisedb.sharing.plan import levels
from wisedb.sharing.remotes.open import open_remote
from wisedb.sharing.remotes.protocol import Remote, Snapshot
from wisedb.sharing.transfer import Meter, in_parallel
from wisedb.store.refnames import BRANCHES
from wisedb.store.store import DEFAULT_BRANCH, Store


def keep_promises(
    store: Store, *, token: str | None = None, endpoint: str | None = None, progress: Listener | None = None
) -> None:
    """Have a lazy clone fetch what it lacks when it is read. Of any other store nothing changes, and nothing is read.

    Args:
        store: the store.
        token, endpoint: as for :func:`wisedb.sharing.remotes.open_remote`.
        progress: told while files arrive.
    """
    if store.config.promised is not None:
        store.objects.promise.fetch = partial(_fetch, store, token, endpoint, progress)


def fetch_promised(store: Store, remote: Remote, blob_ids: Collection[str], progress: Listener | None = None) -> None:
    """Fetch the payloads of promised blobs, all at a time, each after those that it needs.

    Args:
        store: the store.
        remote: where they are.
        blob_ids: promised blobs.
        progress: told while files arrive.

    Raises:
        MissingObject: the remote has one of them no more.
        CorruptObject, RemoteError: it didn't arrive.
    """
    headers = {blob_id: store.objects.header(blob_id) for blob_id in blob_ids}
    weights = {blob_id: file_size(header) for blob_id, header in headers.items()}
    refuse_bomb(remote.url, (header.inflated_length for header in headers.values()), sum(weights.values()))
    meter = Meter("receiving", sum(weights.values()), progress)
    places = _snapshots(remote)

    def load(blob_id: str) -> None:
        for snapshot in places:
            try:
                download(store.objects, remote, snapshot, blob_id, headers[blob_id])
            except CorruptObject as error:
                if isinstance(error.__cause__, MissingObject):
                    continue  # another branch of the Hub may have it
                raise
            return
        raise MissingObject(
            f"blob {blob_id[:12]} ({object_path(headers[blob_id])}) isn't at {remote.url} any more",
            hint="Whoever published it has to push again.",
        )

    for step in levels({blob_id: header.references for blob_id, header in headers.items()}):
        in_parallel(load, {blob_id: weights[blob_id] for blob_id in step}, meter)


def _fetch(
    store: Store, token: str | None, endpoint: str | None, progress: Listener | None, blob_ids: Collection[str]
) -> None:
    name = store.config.promised
    url = None if name is None else store.config.remotes.get(name)
    if url is None:
        raise MissingObject(
            f"{len(blob_ids)} blobs are only promised, and the remote that promised them isn't configured any more",
            hint=f"`wisedb remote add {name or 'origin'} ADDRESS`, with the address of the pack.",
        )
    fetch_promised(store, open_remote(url, token=token, endpoint=endpoint), blob_ids, progress)


def _snapshots(remote: Remote) -> list[Snapshot]:
    """The states in which a blob may be found: one where there is one manifest, else each branch's, main first."""
    main = BRANCHES + DEFAULT_BRANCH
    branches = sorted((ref for ref in remote.refs() if ref.startswith(BRANCHES)), key=lambda ref: (ref != main, ref))
    return [remote.snapshot(ref) for ref in (branches[:1] if remote.shared else branches)]
