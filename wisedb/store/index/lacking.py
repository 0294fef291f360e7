"""Which commits the index lacks: what refs lead to, as far as it is not known and can be read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from wisedb.errors import StoreError
from wisedb.store.commits import Commit
from wisedb.store.index.left_out import Fault, LeftOut
from wisedb.store.objects import Objects

_KEPT: Final = 256


@dataclass(frozen=True, slots=True)
class Missing:
    """The commits that the index lacks, parents before children."""

    ids: Sequence[str]
    kept: Mapping[str, Commit]
    left_out: LeftOut = field(default_factory=LeftOut)
    """Of what was looked at, and grows where rows are made: commits that can't be read, and what descends from them."""

    def chunks(self, objects: Objects, size: int) -> Iterator[list[tuple[str, Commit]]]:
        """The commits in groups of ``size``; of a long history most are read again here, to bound the memory."""
        for start in range(0, len(self.ids), size):
            group: list[tuple[str, Commit]] = []
            for commit_id in self.ids[start : start + size]:
                try:
                    group.append((commit_id, self.kept.get(commit_id) or objects.commit(commit_id)))
                except StoreError as error:
                    self.left_out.faults[commit_id] = Fault(commit_id, error)
            yield group


def missing(objects: Objects, roots: Iterable[str], known: Collection[str], limit: int | None = None) -> Missing | None:
    """Find what can be reached from ``roots`` and isn't ``known``.

    Args:
        objects: where commits are read.
        roots: commit ids.
        known: the ids of commits that are in the index; with a commit, all of its ancestors are.
        limit: give up when there are more.

    Returns:
        The commits, or ``None`` if there are more than ``limit``. One that can't be read is left out; those that
        descend from it are told apart where rows are made.
    """
    left_out = LeftOut()
    order: list[str] = []
    kept: dict[str, Commit] = {}
    parents: dict[str, tuple[str, ...]] = {}
    for root in sorted(roots):
        stack = [root]
        while stack:
            commit_id = stack[-1]
            if commit_id in known or parents.get(commit_id) == ():
                stack.pop()
            elif commit_id not in parents:
                try:
                    commit = objects.commit(commit_id)
                except StoreError as error:
                    left_out.faults[commit_id] = Fault(commit_id, error)
                    parents[commit_id] = ()
                    stack.pop()
                    continue
                if len(kept) < _KEPT:
                    kept[commit_id] = commit
                parents[commit_id] = commit.parents or ("",)
                if limit is not None and len(parents) > limit:
                    return None
                stack.extend(parent for parent in commit.parents if parent not in known and parent not in parents)
            else:
                # All that it descends from is listed by now; () marks it as listed too.
                order.append(commit_id)
                parents[commit_id] = ()
                stack.pop()
    return Missing(order, kept, left_out)
