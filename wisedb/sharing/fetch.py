"""Fetch: bring what a remote has and this store lacks, and remember where the remote's branches are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wisedb.errors import (
    BaseModelMismatch,
    CorruptObject,
    MissingObject,
    RefExists,
    RemoteNotFound,
    StoreError,
    UnknownRevision,
)
from wisedb.progress import Listener
from wisedb.sharing.incoming import Received, receive
from wisedb.sharing.named import RemoteTarget, track
from wisedb.sharing.plan import ancestry
from wisedb.sharing.remotes.protocol import Remote, Snapshot
from wisedb.sharing.seen import look
from wisedb.sharing.transfer import RefChange, Transfer
from wisedb.store.objects import Objects
from wisedb.store.refnames import BRANCHES, REMOTES, TAGS, describe_ref
from wisedb.store.store import DEFAULT_BRANCH, Store
from wisedb.store.tag_notes import TagNote


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch brought.

    Attributes:
        transfer: what travelled, and the refs that moved here.
        branches: the remote's branches that were asked for: name → commit id.
        kept: tags that are another commit's here than there, and stayed as they are.
    """

    transfer: Transfer
    branches: Mapping[str, str]
    kept: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As ``fetch`` prints it."""
        return {**self.transfer.to_json("received"), "tags_kept": list(self.kept)}


@dataclass(frozen=True, slots=True)
class RemoteState:
    """The refs of a remote and the states in which they are.

    Attributes:
        refs: full name → commit id.
        snapshots: full name → the state from which it can be fetched.
        others: tags that were not asked for: full name → commit id. They come along where their commits do.
        notes: full name of a tag → what its remote says of it.
    """

    refs: Mapping[str, str]
    snapshots: Mapping[str, Snapshot]
    others: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, TagNote] = field(default_factory=dict)

    def note(self, store: Store, ref: str, commit: str) -> None:
        """Keep what is said of a tag that is here, if the remote says something of that commit.

        Args:
            store: the store.
            ref: the tag's full name.
            commit: what it is here.
        """
        note, name = self.notes.get(ref), ref.removeprefix(TAGS)
        if note is None or note.commit != commit:
            return
        own = store.tag_notes.read(name)
        if own is None or own.commit != commit:
            store.tag_notes.write(name, note)


def fetch(
    store: Store,
    target: RemoteTarget,
    *,
    branches: Iterable[str] = (),
    prune: bool = False,
    progress: Listener | None = None,
) -> Fetched:
    """Bring a remote's branches and new tags; of tags only those of the branches' history where some were chosen.

    Of a lazy clone's own remote only the headers of large memories come. Nothing of this store's own moves: its
    branches stay, and a tag that is another commit's here is kept.

    Args:
        store: the store.
        target: where from.
        branches: which; all by default.
        prune: forget branches that are gone there.
        progress: told while files arrive.

    Raises:
        RemoteNotFound: nothing was ever published there.
        UnknownRevision: the remote has no such branch.
        BaseModelMismatch: the pack is for another base model.
        CorruptObject, FormatTooNew: the pack can't be read; nothing of it is visible here.
        RemoteError: the remote can't be reached or read.
    """
    remote = target.remote
    asked = tuple(branches)
    state = read_remote(remote, asked)
    if not state.refs and remote.snapshot(BRANCHES + DEFAULT_BRANCH).manifest is None:
        look(store, target)
        raise nothing_there(remote)
    look(store, target, next(iter(state.snapshots.values()), None))
    for snapshot in state.snapshots.values():
        _check_base(store, remote, snapshot)
    lazy = target.tracked is not None and target.tracked == store.config.promised
    wants = {state.refs[ref]: snapshot for ref, snapshot in state.snapshots.items()}
    reachable = Reachability(store)
    got = receive(store.objects, remote, wants, reachable, lazy=lazy, progress=progress)
    arrived = set(got.commits)
    along = {ref: commit for ref, commit in state.others.items() if commit in arrived or reachable(commit)}
    changes, kept = _remember(store, target, state, {**state.refs, **along}, got, prune and not asked)
    for commit_id in sorted(arrived.intersection(state.refs.values())):
        store.index.note_commit(commit_id)
    transfer = Transfer(target.name, remote.url, changes, len(got.commits), len(got.blobs), got.bytes)
    heads = {name.removeprefix(BRANCHES): commit for name, commit in state.refs.items() if name.startswith(BRANCHES)}
    return Fetched(transfer, heads, kept)


def read_remote(remote: Remote, branches: Iterable[str] = ()) -> RemoteState:
    """Read a remote's refs and the states in which they are.

    Args:
        remote: the remote.
        branches: only these; all, and all tags, by default.

    Raises:
        UnknownRevision: there is no such branch.
        RemoteError, CorruptObject, FormatTooNew: it can't be read.
    """
    listed = remote.refs()
    asked = [BRANCHES + name for name in branches]
    for ref in asked:
        if ref not in listed:
            raise UnknownRevision(
                f"{remote.url} has no {describe_ref(ref)}", hint="`wisedb ls-remote` lists what there is."
            )
    refs: dict[str, str] = {}
    snapshots: dict[str, Snapshot] = {}
    for ref in listed:
        if asked and ref not in asked:
            continue
        # Where one manifest names all refs, it is read once; and what it says counts, should they have moved since.
        snapshot = next(iter(snapshots.values()), None) if remote.shared else None
        snapshot = snapshot or remote.snapshot(ref)
        commit = None if snapshot.manifest is None else snapshot.manifest.refs.get(ref)
        if commit is not None:
            refs[ref], snapshots[ref] = commit, snapshot
    others = {ref: commit for ref, commit in listed.items() if asked and ref.startswith(TAGS)}
    manifests = [snapshot.manifest for snapshot in snapshots.values() if snapshot.manifest is not None]
    notes = {
        ref: note
        for manifest in manifests
        for ref, note in manifest.notes.items()
        if {**others, **refs}.get(ref) == note.commit
    }
    return RemoteState(refs, snapshots, others, notes)


def nothing_there(remote: Remote) -> RemoteNotFound:
    """What to say where there is no pack."""
    return RemoteNotFound(
        f"there is no pack at {remote.url}, or nothing was published there yet",
        hint="Check the address; `wisedb push` publishes.",
    )


class Reachability:
    """Whether a commit is in a store with all that it needs: it is so if a ref leads to it.

    Others may be here in part: what an interrupted fetch left, or a collection has begun to take.
    """

    def __init__(self, store: Store) -> None:
        self._objects = store.objects
        self._tips = set(store.index.roots())
        self._reached: set[str] | None = None

    def __call__(self, commit_id: str) -> bool:
        """Whether a ref of the store leads to the commit."""
        if commit_id in self._tips:
            return True
        if not self._objects.has_commit(commit_id):
            return False
        if self._reached is None:
            self._reached = set(ancestry(self._parents, self._tips))
        return commit_id in self._reached

    def _parents(self, commit_id: str) -> tuple[str, ...]:
        try:
            return self._objects.commit(commit_id).parents
        except (MissingObject, CorruptObject):
            return ()


def _check_base(store: Store, remote: Remote, snapshot: Snapshot) -> None:
    manifest, own = snapshot.manifest, store.config.base
    if manifest is not None and not store.config.fits(manifest.base):
        raise BaseModelMismatch(
            f"{remote.url} holds edits for {manifest.base.model} ({manifest.base.fingerprint}), this store's are for "
            f"{own.model} ({own.fingerprint})",
            hint="`wisedb clone` makes a store for them.",
        )


def _remember(
    store: Store, target: RemoteTarget, state: RemoteState, refs: Mapping[str, str], got: Received, prune: bool
) -> tuple[tuple[RefChange, ...], tuple[str, ...]]:
    changes: list[RefChange] = []
    kept: list[str] = []
    with store.lock.hold("a fetch"):
        _still_there(store.objects, got)
        if target.tracked is not None:
            heads: dict[str, str | None] = {}
            if prune:
                prefix = f"{REMOTES}{target.tracked}/"
                heads |= dict.fromkeys(ref.removeprefix(prefix) for ref in store.refs.names(prefix))
            heads |= {name.removeprefix(BRANCHES): commit for name, commit in refs.items() if name.startswith(BRANCHES)}
            changes += track(store, target.tracked, heads, f"fetch: from {target.tracked}")
        for ref, commit in refs.items():
            if not ref.startswith(TAGS):
                continue
            here = store.refs.read(ref)
            if here is None:
                try:
                    store.refs.create(ref, commit, f"fetch: from {target.name}")
                except RefExists:
                    kept.append(ref.removeprefix(TAGS))
                else:
                    changes.append(RefChange(ref, None, commit))
                    state.note(store, ref, commit)
            elif here != commit:
                kept.append(ref.removeprefix(TAGS))
            else:
                state.note(store, ref, commit)
    return tuple(changes), tuple(kept)


def _still_there(objects: Objects, got: Received) -> None:
    """Look whether a collection took what has just come: nothing led to it yet."""
    gone = [object_id for object_id in got.commits if not objects.has_commit(object_id)]
    gone += [object_id for object_id in got.blobs if not objects.has(object_id)]
    if gone:
        raise StoreError(
            f"{len(gone)} objects that had just arrived were collected by another process, {gone[0][:12]} among them",
            hint="Fetch again.",
        )
