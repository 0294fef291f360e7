"""What arrives from a remote, checked and stored in an order in which a dead process leaves nothing half.

Blobs, each after those that it needs, then commits, parents first. Refs are for whoever called.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final

from wisedb.canonical import digest
from wisedb.errors import CorruptObject, MissingObject
from wisedb.progress import Listener
from wisedb.sharing.arrived import Arrived
from wisedb.sharing.manifest import Bundle, object_path
from wisedb.sharing.outgoing import links
from wisedb.sharing.plan import ancestry, levels, wanted_bundles
from wisedb.sharing.remotes.protocol import Remote, Snapshot
from wisedb.sharing.transfer import Meter, in_parallel
from wisedb.store.commits import Commit
from wisedb.store.container import RATIO, Header, read_detached, read_header
from wisedb.store.named import HistoryCheck
from wisedb.store.objects import Objects
from wisedb.store.receive import receive_blob, receive_commit, receive_header

EAGER: Final = frozenset({"edits", "pool"})
"""Kinds of blobs that come at once even into a lazy clone: the history is told from them."""

_HINT: Final = "The pack is incomplete: whoever published it has to push again."


_FREE: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class _Coming:
    """What is kept in mind of a blob that isn't here yet: not its header, of which a long history has many."""

    kind: str
    size: int
    inflated: int
    needs: frozenset[str]


@dataclass(slots=True)
class Received:
    """What arrived.

    Attributes:
        commits: ids of the commits that were stored, parents first.
        blobs: ids of the blobs that were stored whole.
        bytes: what travelled.
    """

    commits: list[str] = field(default_factory=list)
    blobs: list[str] = field(default_factory=list)
    bytes: int = 0


def receive(
    objects: Objects,
    remote: Remote,
    wants: Mapping[str, Snapshot],
    reachable: Callable[[str], bool],
    *,
    more: Collection[str] = (),
    lazy: bool = False,
    progress: Listener | None = None,
) -> Received:
    """Bring commits and all that they need into a store.

    What is there already doesn't travel again, whoever brought it.

    Args:
        objects: where they are stored.
        remote: where they are.
        wants: commit id → the snapshot in which it is published.
        reachable: whether a commit is here with all that it needs.
        more: further blobs that are wanted.
        lazy: keep to the headers of large blobs of memories.
        progress: told ``Progress("receiving", done, total)`` in bytes.

    Raises:
        CorruptObject: something is not what its name says, or isn't there; nothing that names it was stored.
        FormatTooNew: a newer wisedb wrote a commit.
        NotAuthorized, RemoteUnavailable, NoSpace, StoreNotWritable: what arrived so far needn't travel again.
    """
    return _Receiver(objects, remote, wants, reachable, more, lazy, progress).run()


class _Receiver:
    def __init__(
        self,
        objects: Objects,
        remote: Remote,
        wants: Mapping[str, Snapshot],
        reachable: Callable[[str], bool],
        more: Collection[str],
        lazy: bool,
        progress: Listener | None,
    ) -> None:
        self._objects = objects
        self._remote = remote
        self._wants = wants
        self._reachable = reachable
        self._more = more
        self._lazy = lazy
        self._progress = progress
        self._arrived = Arrived(objects.folder)
        self._source: dict[str, Snapshot] = {}  # header's blob id → where its payload is
        self._waiting = {
            bundle.name: (bundle, snapshot)
            for snapshot in wants.values()
            if snapshot.manifest is not None
            for bundle in snapshot.manifest.bundles
        }
        self._received = Received()

    def run(self) -> Received:
        with closing(self._arrived):
            return self._run()

    def _run(self) -> Received:
        if all(map(self._reachable, self._wants)) and all(map(self._objects.has, self._more)):
            return self._received  # a bundle may hold what no ref leads to: nobody needs it
        listed = [bundle for bundle, _ in self._waiting.values()]
        self._load(wanted_bundles(listed, self._objects.has_commit))
        try:
            commits, headers = self._needed()
        except MissingObject:
            # Something is missing that a bundle held which seemed to be here: a store that was half collected.
            self._load([bundle for bundle, _ in self._waiting.values()])
            try:
                commits, headers = self._needed()
            except MissingObject as error:
                raise CorruptObject(f"{self._remote.url}: {error.message}", hint=_HINT) from error
        self._store_blobs(headers)
        history = HistoryCheck(self._objects)
        for commit_id in commits:
            history.check(self._commit(commit_id), self._commit)
        for commit_id in commits:
            data = self._arrived.commit(commit_id)
            if data is not None:
                receive_commit(self._objects, commit_id, data)
                self._received.commits.append(commit_id)
        return self._received

    # Bundles

    def _load(self, bundles: Iterable[Bundle]) -> None:
        weights = {bundle.name: bundle.bytes for bundle in bundles}

        def load(name: str) -> None:
            bundle, snapshot = self._waiting[name]
            headers = self._arrived.add(bundle, self._remote.read(bundle.path, snapshot, limit=bundle.bytes))
            for blob_id in headers:
                self._source.setdefault(blob_id, snapshot)

        try:
            in_parallel(load, weights, Meter("receiving", sum(weights.values()), self._progress))
        except MissingObject as error:
            raise CorruptObject(f"{self._remote.url}: {error.message}", hint=_HINT) from error
        for name in weights:
            del self._waiting[name]
        self._received.bytes += sum(weights.values())

    # What is needed

    def _commit(self, commit_id: str) -> Commit:
        data = self._arrived.commit(commit_id)
        if data is None:
            return self._objects.commit(commit_id)
        if digest(data) != commit_id:
            raise CorruptObject(f"commit {commit_id[:12]} arrived damaged", hint=_HINT)
        return Commit.from_bytes(data)

    def _needed(self) -> tuple[list[str], dict[str, _Coming]]:
        """The commits that are wanted and not here yet, parents first, and the blobs that they lack."""
        named = set(self._more)

        def parents(commit_id: str) -> list[str]:
            commit = self._commit(commit_id)
            named.update(commit.blobs)
            return [parent for parent in commit.parents if not self._reachable(parent)]

        commits = ancestry(parents, [commit_id for commit_id in self._wants if not self._reachable(commit_id)])
        return commits, self._coming(named)

    def _coming(self, named: Collection[str]) -> dict[str, _Coming]:
        known = {*self._objects.ids(), *self._arrived.blobs, *self._arrived.headers}
        found: dict[str, _Coming] = {}
        seen, stack = set(named), sorted(named)
        while stack:
            blob_id = stack.pop()
            here = self._objects.has(blob_id)
            header = self._objects.header(blob_id) if here else self._header(blob_id)
            needs = links(header, known)
            if not here:
                found[blob_id] = _Coming(header.kind, file_size(header), header.inflated_length, frozenset(needs))
            fresh = needs - seen
            seen |= fresh
            stack.extend(sorted(fresh))
        return found

    def _header(self, blob_id: str) -> Header:
        """The header of a blob that isn't here, checked."""
        try:
            if (data := self._arrived.blob(blob_id)) is not None:
                header = read_header(io.BytesIO(data), len(data))
            elif (data := self._arrived.header(blob_id)) is not None:
                header = read_detached(data)
            else:
                raise MissingObject(f"blob {blob_id[:12]} is in no bundle", hint=_HINT)
        except CorruptObject as error:
            raise CorruptObject(f"blob {blob_id[:12]} arrived damaged: {error.message}", hint=_HINT) from error
        if header.id != blob_id:
            raise CorruptObject(f"blob {blob_id[:12]} arrived damaged: its content has another hash", hint=_HINT)
        return header

    # Storing

    def _store_blobs(self, coming: Mapping[str, _Coming]) -> None:
        large: dict[str, int] = {}
        promised: set[str] = set()
        for blob_id, each in coming.items():
            if blob_id in self._arrived.blobs:
                continue
            if self._lazy and each.kind not in EAGER:
                promised.add(blob_id)
            else:
                large[blob_id] = each.size
        refuse_bomb(
            self._remote.url,
            (each.inflated for blob_id, each in coming.items() if blob_id not in promised),
            self._received.bytes + sum(large.values()),
        )
        for blob_id in sorted(promised):
            receive_header(self._objects, blob_id, self._arrived.header(blob_id) or b"")
        meter = Meter("receiving", sum(large.values()), self._progress)
        needs = {blob_id: {other for other in each.needs if other in coming} for blob_id, each in coming.items()}
        late: set[str] = set()
        for step in levels(needs):
            # Small ones that wait for no large one come first, so that as many large ones as can be travel together.
            late.update(blob_id for blob_id in step if blob_id in large or needs[blob_id] & late)
            self._store_small([blob_id for blob_id in step if blob_id not in late])
        for step in levels({blob_id: needs[blob_id] for blob_id in late}):
            self._store_small([blob_id for blob_id in step if blob_id not in large])
            chosen = {blob_id: large[blob_id] for blob_id in step if blob_id in large}
            in_parallel(self._download, chosen, meter)
            self._received.blobs.extend(chosen)
            self._received.bytes += sum(chosen.values())

    def _store_small(self, blob_ids: Iterable[str]) -> None:
        for blob_id in blob_ids:
            data = self._arrived.blob(blob_id)
            if data is not None:
                receive_blob(self._objects, blob_id, data)
                self._received.blobs.append(blob_id)

    def _download(self, blob_id: str) -> None:
        download(self._objects, self._remote, self._source[blob_id], blob_id, self._header(blob_id))


def refuse_bomb(url: str, inflated: Iterable[int], travelled: int) -> None:
    """Refuse blobs from elsewhere that claim, together, far more than travels for them, before one is decoded.

    Args:
        url: where they come from.
        inflated: what each is decoded to, as its header says.
        travelled: the bytes that come for all of them.

    Raises:
        CorruptObject: they claim too much.
    """
    if (claimed := sum(inflated)) > max(_FREE, RATIO * travelled):
        raise CorruptObject(
            f"{url}: {travelled} bytes claim to hold {claimed}: that is made to fill your memory",
            hint="Don't trust where it came from.",
        )


def download(objects: Objects, remote: Remote, snapshot: Snapshot, blob_id: str, header: Header) -> None:
    """Bring the file of one large blob into a store.

    Raises:
        CorruptObject: it isn't there, or is another one.
        NotAuthorized, RemoteUnavailable, NoSpace, StoreNotWritable: it didn't arrive.
    """
    try:
        data = remote.read(object_path(header), snapshot, limit=file_size(header))
    except MissingObject as error:
        raise CorruptObject(f"{remote.url} lacks blob {blob_id[:12]}: {error.message}", hint=_HINT) from error
    if not data.startswith(header.to_bytes()):
        raise CorruptObject(f"blob {blob_id[:12]} arrived damaged: it has another header", hint=_HINT)
    receive_blob(objects, blob_id, data)


def file_size(header: Header) -> int:
    """Bytes of the file that a header belongs to."""
    return len(header.to_bytes()) + header.payload_length
