"""How a commit lands: blobs, commit object, ref (the commit point), then what is derived.

Whatever was written before the ref moved is unreachable until it does, and is the garbage collection's business if it
never does. What comes after can be made again from what was written before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Self

from wisedb.errors import MissingObject, RefMoved
from wisedb.store.blobs import Blob
from wisedb.store.commits import Commit
from wisedb.store.lock import StoreLock
from wisedb.store.objects import Objects
from wisedb.store.refnames import HEAD, describe_ref
from wisedb.store.refs import Refs
from wisedb.store.staging import Staging


class Transaction:
    """One write, under the store's lock: open it when all is computed, never around training.

    ``with store.transaction(tip) as t: t.put(blob, delta_base=…); t.land(commit, action="commit: …")``

    Args:
        objects, refs, staging, lock: the store's.
        expected: where ``ref`` must be, the state that the new commit was computed from.
        ref: what moves: the full name of a branch, or ``HEAD``: what HEAD is attached to, or a detached HEAD itself.
        note: called with the new commit's id when it has landed; what it raises changes nothing.
    """

    def __init__(
        self,
        objects: Objects,
        refs: Refs,
        staging: Staging,
        lock: StoreLock,
        *,
        expected: str | None,
        ref: str = HEAD,
        note: Callable[[str], None] | None = None,
    ) -> None:
        self._objects = objects
        self._refs = refs
        self._staging = staging
        self._lock = lock
        self._expected = expected
        self._ref = ref
        self._note = note
        self._exit = ExitStack()
        self.bytes_written = 0
        """What this transaction added to the disk: the files of blobs and commits that weren't there before."""

    def __enter__(self) -> Self:
        """Take the lock and look whether the ref is where it was.

        Raises:
            StoreBusy: another process keeps the lock.
            RefMoved: another writer landed first.
        """
        with ExitStack() as stack:
            stack.enter_context(self._lock.hold(f"a commit on {self._ref}"))
            if self._ref == HEAD:
                self._ref = self._refs.head().ref
            current = self._refs.read(self._ref)
            if current != self._expected:
                raise RefMoved(
                    f"{describe_ref(self._ref)} moved meanwhile: it was at {_short(self._expected)} and is now at "
                    f"{_short(current)}",
                    hint="Another writer landed first and nothing was lost; run the command again on top of it.",
                )
            self._exit = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    def put(self, blob: Blob, *, delta_base: Blob | str | None = None) -> str:
        """Store a blob; see :meth:`wisedb.store.objects.Objects.put`.

        Raises:
            NoSpace, StoreNotWritable: it wasn't stored.
        """
        there = self._objects.has(blob.id)
        blob_id = self._objects.put(blob, delta_base=delta_base)
        if not there:
            self.bytes_written += self._objects.size(blob_id)
        return blob_id

    def land(self, commit: Commit, *, action: str, unstage: Iterable[str] = ()) -> str:
        """Store the commit and move the ref to it; returns the commit's id.

        Args:
            commit: its parents and blobs must be in the store.
            action: what for, for the reflog.
            unstage: ids of the edits that it took in; they leave the staging area once it has landed. (A process that
                dies in between leaves them staged, where they are found in force already.)

        Raises:
            MissingObject: a parent or a blob isn't in the store; nothing has landed.
            RefMoved, NoSpace, StoreNotWritable: nothing has landed.
        """
        for parent in commit.parents:
            self._objects.commit(parent)
        for blob_id in sorted(commit.blobs):
            if not self._objects.has(blob_id):
                raise MissingObject(f"the commit needs blob {blob_id[:12]}, which isn't in the store")
        there = self._objects.has_commit(commit.id)
        commit_id = self._objects.put_commit(commit)
        if not there:
            self.bytes_written += self._objects.size(commit_id)
        self._refs.update(self._ref, self._expected, commit_id, action)
        self._expected = commit_id
        # The commit has landed: from here on nothing may claim that it hasn't.
        with suppress(Exception):
            self._staging.remove(unstage, missing_ok=True)
        with suppress(Exception):
            if self._note is not None:
                self._note(commit_id)
        return commit_id


def _short(commit: str | None) -> str:
    return "no commit" if commit is None else commit[:12]
