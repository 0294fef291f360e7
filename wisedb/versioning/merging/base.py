"""The facts that two lines of history began with, whatever shape the history has. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from wisedb.edits import Edit
from wisedb.errors import BaseModelMismatch
from wisedb.store import history
from wisedb.store.graph import is_ancestor, merge_bases
from wisedb.versioning.merging.facts import merge_facts
from wisedb.versioning.streams import in_force_at

if TYPE_CHECKING:
    from wisedb.store.commits import Commit
    from wisedb.store.store import Store


_ELSEWHERE = "Memories fit one model; commit the edits themselves: 'wisedb facts --json' lists them."


@dataclass(frozen=True, slots=True)
class Common:
    """What two commits have in common.

    Attributes:
        bases: the best common ancestors: one, none of unrelated histories, several after a criss-cross.
        facts: prompt, normalised → the edit that was in force, merged over all bases.
        disputed: prompts in which the bases can't be merged.
    """

    bases: tuple[str, ...]
    facts: dict[str, Edit]
    disputed: frozenset[str]


def facts_at(store: Store, commit_id: str) -> dict[str, Edit]:
    """Prompt, normalised → the edit in force at a commit, memory by memory."""
    ids = in_force_at(store, store.objects.commit(commit_id))
    return {edit.key: edit for edit in history.edits_of(store, ids)}


def common(store: Store, ours: str, theirs: str) -> Common:
    """The facts at the merge base.

    Of several bases a virtual one is made, as git's recursive strategy does: they are merged with each other, over what
    THEY have in common, and so on down. A prompt in which they are in conflict has no base: whatever the two sides have
    there counts as changed, so that it is a conflict unless both settled it alike.

    Raises:
        MissingObject, CorruptObject: the history is damaged.
    """
    bases = tuple(merge_bases(store.objects, ours, theirs))
    levels = [bases]
    while len(levels[-1]) > 1:
        levels.append(_below(store, levels[-1]))
    facts: dict[str, Edit] = {}
    disputed: frozenset[str] = frozenset()
    for level in reversed(levels):
        below, doubtful = facts, disputed
        facts, disputed = (facts_at(store, level[0]), frozenset()) if level else ({}, frozenset())
        for commit_id in level[1:]:
            merged = merge_facts(below, facts, facts_at(store, commit_id), doubtful | disputed)
            facts = merged.facts
            disputed |= {conflict.key for conflict in merged.conflicts}
        facts = {key: edit for key, edit in facts.items() if key not in disputed}
    return Common(bases, facts, disputed)


def same_base(store: Store, ours: Commit, theirs: Commit, rev: str) -> None:
    """Refuse what was made for another base model: its side memories fit nowhere else.

    Args:
        store: the store, which may hold several base models for one.
        ours: where it shall go.
        theirs: what shall go there.
        rev: how that was called.

    Raises:
        BaseModelMismatch: it was.
    """
    known = store.config.fits(ours.base) and store.config.fits(theirs.base)
    if ours.base.fingerprint != theirs.base.fingerprint and not known:
        raise BaseModelMismatch(
            f"'{rev}' was made for another base model: {theirs.base.model} ({theirs.base.fingerprint}), "
            f"not {ours.base.model} ({ours.base.fingerprint})",
            hint=_ELSEWHERE,
        )


def _below(store: Store, commits: tuple[str, ...]) -> tuple[str, ...]:
    """The best common ancestors of any two of these commits."""
    found = dict.fromkeys(
        base for one, other in combinations(commits, 2) for base in merge_bases(store.objects, one, other)
    )
    return tuple(
        base for base in found if not any(rival != base and is_ancestor(store.objects, base, rival) for rival in found)
    )
