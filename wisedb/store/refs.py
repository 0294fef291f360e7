"""Branches, tags and HEAD: names for commits that move, by compare-and-swap, and a log of every move.

A move is: a line in the reflog, flushed; ``<ref>.lock``, made exclusively; the old value compared; the new one written
to a temporary file, flushed, renamed to the ref; the folder flushed. The rename is the commit point: before it nothing
has happened, whatever the reflog says, and its last line is then left out by its readers (:mod:`wisedb.store.reflog`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from wisedb.errors import CorruptObject, InvalidRefName, RefExists, RefMoved, UnknownRevision
from wisedb.store.container import ID
from wisedb.store.dates import utc_now
from wisedb.store.files import Disk
from wisedb.store.lock import StoreLock
from wisedb.store.loose_refs import SYMBOLIC, Head, LooseRefs, corrupt_ref
from wisedb.store.reflog import Reflog, RefMove
from wisedb.store.refnames import BRANCHES, HEAD, ORIG_HEAD, TAGS, check_ref_name, describe_ref


class Refs:
    """``HEAD``, ``refs/`` and ``logs/``.

    Refs go by their full names (``refs/heads/main``, ``refs/tags/v1``, ``refs/remotes/origin/main``, ``HEAD``).

    Args:
        root: the ``.wisedb`` folder.
        lock: held during every change.
        disk: how files are written.

    Attributes:
        root: the ``.wisedb`` folder.
        logs: the reflogs, as they lie there.
        moved: how often a ref was moved through this object.
        who: says who moves refs, for the reflog, once one moves; ``None`` where nobody said.
    """

    def __init__(self, root: Path, lock: StoreLock, disk: Disk) -> None:
        self.moved = 0
        self.who: Callable[[], str | None] = lambda: None
        self.root = root
        self._lock = lock
        self._disk = disk
        self._loose = LooseRefs(root, disk)
        self.logs = Reflog(root / "logs", disk)

    def head(self) -> Head:
        """Where HEAD is; as :meth:`LooseRefs.head`, with its errors."""
        return self._loose.head()

    def read(self, ref: str) -> str | None:
        """The commit id that a ref holds, ``None`` where there is none; as :meth:`LooseRefs.read`, with its errors."""
        return self._loose.read(ref)

    def orig_head(self) -> str | None:
        """Where HEAD was before the last command that moved a branch far, ``None`` where there was none.

        Raises:
            CorruptObject: the file holds something else.
        """
        return self._loose.orig_head()

    def branches(self) -> dict[str, str]:
        """Branch name → commit id, sorted by name; as :meth:`items`, with its errors."""
        return {ref.removeprefix(BRANCHES): commit for ref, commit in self.items(BRANCHES)}

    def tags(self) -> dict[str, str]:
        """Tag name → commit id, sorted by name; as :meth:`items`, with its errors."""
        return {ref.removeprefix(TAGS): commit for ref, commit in self.items(TAGS)}

    def items(self, prefix: str = "refs/") -> Iterator[tuple[str, str]]:
        """Full name and commit id of all refs that begin with ``prefix`` (a folder: it ends in ``/``), by name.

        Raises:
            CorruptObject: one of the files can't be read.
        """
        for ref in self.names(prefix):
            commit = self.read(ref)
            if commit is not None:
                yield ref, commit

    def names(self, prefix: str = "refs/") -> list[str]:
        """The full names of all refs that begin with ``prefix``; their files are not read."""
        return self._loose.names(prefix)

    def reflog(self, ref: str = HEAD) -> list[RefMove]:
        """The moves of a ref, newest first; those of deleted refs are kept.

        Raises:
            CorruptObject: the log can't be read.
        """
        return self.logs.read(ref, current=self.read(ref))

    # Writing

    def update(self, ref: str, old: str | None, new: str | None, action: str) -> None:
        """Move a ref from ``old`` to ``new``, if it is at ``old``.

        Args:
            ref: the full name. ``HEAD`` moves the branch that HEAD is attached to, or a detached HEAD.
            old: the commit id where it must be now, ``None`` to make a new ref.
            new: the commit id where it goes, ``None`` to delete the ref.
            action: what for, for the reflog.

        Raises:
            RefMoved: it is somewhere else; the message names it.
            RefExists: a new ref's name is taken as the folder of another one, or the other way round.
            InvalidRefName: the name is not one.
            StoreBusy, StoreNotWritable, NoSpace: nothing has changed.
        """
        if new is not None and not ID.fullmatch(new):
            raise corrupt_ref(ref)
        with self._lock.hold(f"{action} ({ref})"):
            head = self.head()
            if ref == HEAD:
                ref = head.ref
            check_ref_name(ref)
            self._compare(ref, old)
            if new is not None:
                self._loose.make_room(ref)
            move = self._move(ref, old, new, action)
            self.logs.append(move)
            if ref == head.ref != HEAD:
                self.logs.append(replace(move, ref=HEAD))
            path = self._loose.path(ref)
            if new is None:
                self._disk.remove(path)
            else:
                # The store's lock keeps other writers of this machine out, the claim those of others.
                with self._disk.claim(path):
                    self._compare(ref, old)
                    self._disk.write(path, f"{new}\n".encode())
            self.moved += 1

    def set_head(self, target: str, action: str) -> Head:
        """Attach HEAD to a branch, or detach it at a commit.

        Args:
            target: ``refs/heads/<branch>`` or a full commit id.
            action: what for, for the reflog.

        Raises:
            UnknownRevision: there is no such branch.
            InvalidRefName: ``target`` is neither.
            StoreBusy, StoreNotWritable, NoSpace: nothing has changed.
        """
        with self._lock.hold(f"{action} (HEAD)"):
            old = self._last_head()
            if ID.fullmatch(target):
                new, content = target, target
            else:
                check_ref_name(target)
                if not target.startswith(BRANCHES):
                    raise InvalidRefName(f"HEAD can't be attached to '{target}'", hint="Only branches move.")
                branch = target.removeprefix(BRANCHES)
                found = self.read(target)
                if found is None:
                    raise UnknownRevision(
                        f"there is no branch '{branch}'",
                        hint=f"`wisedb branch {branch}` makes it; `wisedb branch` lists all.",
                    )
                new, content = found, SYMBOLIC + target
            move = self._move(HEAD, old, new, action)
            # A line that never took effect is told by where it leads. One that leads nowhere can't be told, and can't
            # be missed either where places are counted: it comes after the move.
            if old != new:
                self.logs.append(move)
            self._disk.write(self.root / HEAD, f"{content}\n".encode())
            self.moved += 1
            if old == new:
                self.logs.append(move)
        return self.head()

    def create(self, ref: str, commit: str, action: str, *, force: bool = False) -> None:
        """Make a new branch or tag; with ``force``, move one that is there, unless HEAD is on it.

        Raises:
            RefExists: there is one of that name.
            InvalidRefName, StoreBusy, StoreNotWritable, NoSpace: as :meth:`update`.
        """
        with self._lock.hold(f"{action} ({ref})"):
            check_ref_name(ref)
            old = self.read(ref)
            if old is not None and force and self.head().ref == ref:
                raise RefExists(
                    f"HEAD is on {describe_ref(ref)}", hint="`wisedb reset` moves the branch that HEAD is on."
                )
            if old is not None and not force:
                raise RefExists(
                    f"{describe_ref(ref)} exists already", hint="Choose another name, delete it first, or --force it."
                )
            self.update(ref, old, commit, action)

    def delete(self, ref: str, action: str) -> str:
        """Delete a branch or tag and return where it was. Its reflog stays.

        Raises:
            UnknownRevision: there is none of that name.
            RefExists: HEAD is attached to that branch.
            InvalidRefName, StoreBusy, StoreNotWritable: as :meth:`update`.
        """
        with self._lock.hold(f"{action} ({ref})"):
            check_ref_name(ref)
            old = self.read(ref)
            if old is None:
                raise UnknownRevision(
                    f"there is no {describe_ref(ref)}", hint="`wisedb branch` and `wisedb tag` list all."
                )
            if self.head().ref == ref:
                raise RefExists(f"HEAD is on {describe_ref(ref)}", hint="Switch to another branch first.")
            self.update(ref, old, None, action)
            return old

    def rename_branch(self, old: str, new: str, *, force: bool = False) -> None:
        """Give a branch another name; HEAD stays on it, and its reflog goes along.

        Args:
            old, new: the names, without ``refs/heads/``.
            force: take the place of a branch that is called so already, unless HEAD is on it.

        Raises:
            UnknownRevision: there is no such branch.
            RefExists: there is one of the new name.
            InvalidRefName, StoreBusy, StoreNotWritable, NoSpace: as :meth:`update`.
        """
        source, goal = BRANCHES + old, BRANCHES + new
        with self._lock.hold(f"renaming branch '{old}'"):
            commit = self.read(source)
            if commit is None:
                raise UnknownRevision(f"there is no branch '{old}'", hint="`wisedb branch` lists all.")
            if source == goal:
                return
            attached = self.head().ref
            there = self.read(goal)
            if there is not None:
                if not force or goal == attached:
                    raise RefExists(f"branch '{new}' exists already", hint="Choose another name, or --force it.")
                self.update(goal, there, None, f"branch: replaced by {old}")
            action = f"branch: renamed {old} to {new}"
            lines = [*self.logs.lines(goal), *self.logs.lines(source), self._move(goal, None, commit, action)]
            gone = self._move(source, commit, None, action)
            # A name below the old one, or above it, needs its place: then HEAD leads nowhere for a moment.
            in_the_way = goal.startswith(f"{source}/") or source.startswith(f"{goal}/")
            if in_the_way:
                self.logs.append(gone)
                self._disk.remove(self._loose.path(source))
            self._loose.make_room(goal)
            # Wherever a process dies here, the last line of each log says what is so of its ref, or was about to be.
            self.logs.write(goal, lines)
            with self._disk.claim(self._loose.path(goal)):
                self._disk.write(self._loose.path(goal), f"{commit}\n".encode())
            if attached == source:
                self._disk.write(self.root / HEAD, f"{SYMBOLIC}{goal}\n".encode())
                self.logs.append(self._move(HEAD, commit, commit, action))
            if not in_the_way:
                self.logs.append(gone)
                self._disk.remove(self._loose.path(source))
            self.logs.remove(source)

    def keep_orig_head(self, commit: str) -> None:
        """Remember where HEAD was before a command that moves a branch far: ``ORIG_HEAD`` names it.

        Raises:
            StoreBusy, StoreNotWritable, NoSpace: the old one stays.
        """
        with self._lock.hold("writing ORIG_HEAD"):
            self._disk.write(self.root / ORIG_HEAD, f"{commit}\n".encode())

    def _move(self, ref: str, old: str | None, new: str | None, action: str) -> RefMove:
        return RefMove(ref, old, new, utc_now(), " ".join(action.split()), self.who())

    def _last_head(self) -> str | None:
        """Where HEAD is, or was before it was damaged: moving it is how one mends it."""
        try:
            return self.head().commit
        except CorruptObject:
            lines = self.logs.lines(HEAD)
            return lines[-1].to if lines else None

    def _compare(self, ref: str, old: str | None) -> None:
        current = self.head().commit if ref == HEAD else self.read(ref)
        if current != old:
            raise RefMoved(
                f"{describe_ref(ref)} moved: it was at {_short(old)} and is now at {_short(current)}",
                hint="Another writer landed first and nothing of yours was lost; run the command again on top of it.",
            )


def _short(commit: str | None) -> str:
    return "no commit" if commit is None else commit[:12]
