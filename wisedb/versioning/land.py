"""The last step of every verb that makes history: a commit object, landed in one transaction. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wisedb.store.commits import Commit

if TYPE_CHECKING:
    from wisedb.store.blobs import Blob
    from wisedb.store.store import Store


@dataclass(frozen=True, slots=True)
class Tip:
    """Where a piece of work began.

    Attributes:
        ref: what it will move: the branch that HEAD was on, or HEAD itself.
        branch: that branch's name, ``None`` where HEAD was on a commit.
        id: the commit.
        commit: the same, read.
    """

    ref: str
    branch: str | None
    id: str
    commit: Commit


@dataclass(frozen=True, slots=True)
class Landed:
    """A commit that is in the store.

    Attributes:
        id: its id.
        commit: the commit.
        branch: the branch that it moved, ``None`` where HEAD was on a commit.
        bytes_written: what it added to ``objects/``.
    """

    id: str
    commit: Commit
    branch: str | None
    bytes_written: int


def read_tip(store: Store) -> Tip:
    """Where HEAD is now.

    Raises:
        CorruptObject, MissingObject: HEAD or its commit is damaged.
    """
    commit_id, commit = store.head_commit()
    head = store.refs.head()
    if head.commit != commit_id:
        # Another writer moved it between the two reads.
        return read_tip(store)
    return Tip(head.ref, head.branch, commit_id, commit)


def land(
    store: Store,
    tip: Tip,
    commit: Commit,
    *,
    action: str,
    blobs: Iterable[Blob] = (),
    delta_bases: Mapping[str, str] | None = None,
    unstage: Iterable[str] = (),
    sign: Callable[[bytes], str] | None = None,
) -> Landed:
    """Write blobs, commit, ref and index, in that order; nothing of it is visible before the ref has moved.

    Args:
        store: the store.
        tip: where the work began.
        commit: what to land.
        action: the word for the reflog.
        blobs: the new blobs.
        delta_bases: for a new blob, the id of its previous version.
        unstage: ids of the staged edits that the commit takes in.
        sign: makes the commit's signature; ``None`` leaves it unsigned.

    Raises:
        SigningFailed: no signature was made; nothing has changed.
        RefMoved: another writer landed first; nothing has changed.
        StoreBusy, NoSpace, StoreNotWritable: nothing has changed.
    """
    new = list(blobs)
    # What a signature of another commit said isn't said of this one.
    commit = replace(commit, made_with=versions(), signature=None)
    if sign is not None:
        commit = replace(commit, signature=sign(commit.unsigned))
    with store.transaction(tip.id, ref=tip.ref) as transaction:
        for blob in new:
            before = None if delta_bases is None else delta_bases.get(blob.id)
            known = None if before is None else store.blob_cache.peek(before)
            transaction.put(blob, delta_base=known or before)
        commit_id = transaction.land(commit, action=action, unstage=unstage)
    for blob in new:
        store.blob_cache.keep(blob)
    return Landed(commit_id, commit, tip.branch, transaction.bytes_written)


def versions() -> dict[str, str]:
    """Package → version of what a commit depends on beside its edits; without loading any of it."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("wisedb", "torch", "transformers"):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def first_line(text: str, limit: int = 72) -> str:
    """What the reflog keeps of a message."""
    line = text.strip().splitlines()[0]
    return line if len(line) <= limit else line[: limit - 1] + "…"
