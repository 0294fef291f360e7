"""Ranges of history: ``A..B``, ``A...B``, ``^A`` and several revisions, as ``git log`` takes them.

::

    A..B     what B has and A hasn't; HEAD where one is left out
    A...B    what one of them has and not both
    ^A       not what A has
    A B      what A has, and what B has
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisedb.store.commits import Commit
from wisedb.store.graph import CommitSource, ancestors, merge_bases
from wisedb.store.refnames import HEAD

if TYPE_CHECKING:
    from wisedb.store.store import Store


@dataclass(frozen=True, slots=True)
class Range:
    """A part of the history.

    Attributes:
        tips: commit ids: these and all that they descend from,
        without: except these and all that they descend from.
    """

    tips: tuple[str, ...]
    without: tuple[str, ...] = ()


def read_range(store: Store, words: Sequence[str]) -> Range:
    """The range that words name; HEAD where there is none.

    Raises:
        UnknownRevision, AmbiguousId, CorruptObject, MissingObject: as :meth:`wisedb.store.store.Store.resolve`.
    """
    tips: list[str] = []
    without: list[str] = []
    for word in words:
        ends = split_range(word)
        if ends is not None:
            older, newer = store.resolve(ends[0]), store.resolve(ends[1])
            tips.append(newer)
            if ends[2]:
                tips.append(older)
                without += merge_bases(store.objects, older, newer)
            else:
                without.append(older)
        elif word.startswith("^"):
            without.append(store.resolve(word[1:]))
        else:
            tips.append(store.resolve(word))
    return Range(tuple(dict.fromkeys(tips or [store.resolve(HEAD)])), tuple(dict.fromkeys(without)))


def split_range(word: str) -> tuple[str, str, bool] | None:
    """(A, B, whether it has three dots) of ``A..B`` or ``A...B``, ``None`` of anything else."""
    older, dots, newer = word.partition("..")
    if not dots:
        return None
    three = newer.startswith(".")
    return older or HEAD, (newer[1:] if three else newer) or HEAD, three


def walk(source: CommitSource, part: Range) -> Iterator[tuple[str, Commit]]:
    """(id, commit) of a range, newest first, and never a parent before its child.

    Raises:
        MissingObject, CorruptObject: a commit can't be read.
    """
    left = {commit_id for tip in part.without for commit_id, _ in ancestors(source, tip)}
    return ((commit_id, commit) for commit_id, commit in ancestors(source, *part.tips) if commit_id not in left)
