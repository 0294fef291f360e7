"""Revisions: what a user types to name a commit.

::

    revision = base step*
    base     = name | id | "HEAD" | "@" | "ORIG_HEAD" | reflog | before
    name     = a branch, a tag, or a ref in full or without "refs/"
    id       = 4 to 64 hexadecimal digits that one commit begins with
    reflog   = [name | "HEAD" | "@"] "@{" n "}"        where the ref was n moves ago; without a name, the current branch
    before   = "@{-" n "}" | "-"                       the branch or commit that HEAD was on n checkouts ago
    step     = "~" [n] | "^" [n]                       n first parents back | the n-th parent ("^0": the commit itself)

A name wins over an id that begins alike; a name that is a branch and a tag must be given in full.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Protocol

from wisedb.errors import AmbiguousId, CorruptObject, UnknownRevision
from wisedb.store.graph import CommitSource
from wisedb.store.refnames import BRANCHES, HEAD, ORIG_HEAD, REMOTES, TAGS, describe_ref, is_ref_name
from wisedb.store.refs import Refs

_GRAMMAR: Final = re.compile(r"(?P<base>[^~^]*?)(?:@\{(?P<back>[^{}]*)\})?(?P<steps>(?:[~^]\d*)*)")
_BEFORE: Final = re.compile(r"@\{-(?P<n>\d{1,9})\}|-$")
_CHECKOUT: Final = "checkout: moving from "
_LEFT: Final = re.compile(re.escape(_CHECKOUT) + r"(?P<name>\S+) to \S.*")
_STEP: Final = re.compile(r"([~^])(\d*)")
_PREFIX: Final = re.compile(r"[0-9a-fA-F]{4,64}")
_NUMBER: Final = re.compile(r"\d{1,9}")


class ObjectSource(CommitSource, Protocol):
    """Where commits come from and are looked up."""

    def commit_ids(self, prefix: str = "") -> Iterator[str]:
        """The ids of all commits that begin with ``prefix``."""
        ...

    def has_commit(self, commit_id: str) -> bool:
        """Whether that commit is there."""
        ...


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision, taken apart.

    Attributes:
        base: a name, an id or ``HEAD``; empty for the current branch before ``@{n}``.
        back: n of ``@{n}``, ``None`` without it.
        steps: ``("~", n)`` and ``("^", n)`` in their order.
    """

    base: str
    back: int | None = None
    steps: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        back = "" if self.back is None else f"@{{{self.back}}}"
        return self.base + back + "".join(f"{sign}{count}" for sign, count in self.steps)


def parse(text: str) -> Revision:
    """Take a revision apart.

    Raises:
        UnknownRevision: it isn't written like one.
    """
    found = _GRAMMAR.fullmatch(text)
    if found is None or not text or len(text) > 4096:
        raise _malformed(text)
    base, back = found["base"], found["back"]
    if (back is None and not base) or (back is not None and not _NUMBER.fullmatch(back)):
        raise _malformed(text)
    steps: list[tuple[str, int]] = []
    for sign, count in _STEP.findall(found["steps"]):
        if len(count) > 9:
            raise _malformed(text)
        steps.append((sign, int(count) if count else 1))
    return Revision(HEAD if base == "@" else base, None if back is None else int(back), tuple(steps))


def resolve(text: str, refs: Refs, objects: ObjectSource) -> str:
    """The id of the commit that a revision names.

    Raises:
        UnknownRevision: it names nothing; the hint has the nearest name.
        AmbiguousId: it names several; the message lists them.
        CorruptObject: a ref or a reflog on the way is damaged, or names a commit that isn't there.
        MissingObject: a commit on the way isn't there.
    """
    before = _BEFORE.match(text)
    if before is not None:
        text = previous(refs, int(before["n"] or 1)) + text[before.end() :]
    revision = parse(text)
    commit_id = _base(revision, text, refs, objects)
    for sign, count in revision.steps:
        if sign == "~":
            for _ in range(count):
                commit_id = _parent(objects, commit_id, 1, text)
        elif count > 0:
            commit_id = _parent(objects, commit_id, count, text)
    return commit_id


def previous(refs: Refs, back: int = 1) -> str:
    """The branch, or the id of the commit, that HEAD was on ``back`` checkouts ago, counted as git does.

    Raises:
        UnknownRevision: it never was on so many.
        CorruptObject: the reflog of HEAD is damaged.
    """
    left = (move for move in refs.reflog(HEAD) if move.action.startswith(_CHECKOUT))
    places = [_LEFT.fullmatch(move.action) for move in left]
    found = [place["name"] for place in places if place is not None]
    if not 1 <= back <= len(found):
        raise UnknownRevision(
            "HEAD was on no other branch before" if back == 1 else f"HEAD has not moved {back} times yet",
            hint="`wisedb branch` lists the branches.",
        )
    return found[back - 1]


def find_ref(name: str, refs: Refs) -> str | None:
    """The full name of the ref that ``name`` means, ``None`` if it means none.

    Raises:
        AmbiguousId: it is a branch and a tag, and they are at different commits.
    """
    if name == HEAD:
        return HEAD
    spellings = [name, f"refs/{name}", TAGS + name, BRANCHES + name, REMOTES + name]
    found = {ref: refs.read(ref) for ref in spellings if is_ref_name(ref)}
    there = {ref: commit for ref, commit in found.items() if commit is not None}
    if name in there:
        return name
    if TAGS + name in there and BRANCHES + name in there and len(set(there.values())) > 1:
        raise AmbiguousId(f"'{name}' is a branch and a tag", hint=f"Say heads/{name} or tags/{name}.")
    return next(iter(there), None)


def _base(revision: Revision, text: str, refs: Refs, objects: ObjectSource) -> str:
    base = revision.base
    if base == ORIG_HEAD and revision.back is None:
        return _orig_head(refs, objects)
    if not base:
        base = refs.head().ref
    ref = find_ref(base, refs)
    if revision.back is not None:
        if ref is None:
            raise _unknown(base, refs)
        return _logged(ref, revision.back, text, refs)
    if ref is not None:
        commit_id = refs.read(ref)
        if commit_id is None or not objects.has_commit(commit_id):
            leads = "to a branch that doesn't exist" if commit_id is None else "to a commit that isn't in the store"
            raise CorruptObject(
                f"{describe_ref(ref)} is damaged: it leads {leads}",
                hint="Run `wisedb fsck`; `wisedb reflog` says where it was before.",
            )
        return commit_id
    if not _PREFIX.fullmatch(base):
        raise _unknown(base, refs)
    found = list(objects.commit_ids(base.lower()))
    if len(found) > 1:
        listed = ", ".join(commit_id[: len(base) + 4] for commit_id in found[:10])
        raise AmbiguousId(f"'{base}' fits {len(found)} commits: {listed}", hint="Give more digits.")
    if not found:
        raise _unknown(base, refs)
    return found[0]


def _orig_head(refs: Refs, objects: ObjectSource) -> str:
    commit_id = refs.orig_head()
    if commit_id is None:
        raise UnknownRevision(
            "there is no ORIG_HEAD yet", hint="A reset, a merge or a pull leaves one; `wisedb reflog` lists all moves."
        )
    if not objects.has_commit(commit_id):
        raise CorruptObject(
            "ORIG_HEAD is damaged: it leads to a commit that isn't in the store",
            hint="`wisedb reflog` says where HEAD was before.",
        )
    return commit_id


def _logged(ref: str, back: int, text: str, refs: Refs) -> str:
    moves = refs.reflog(ref)
    places = [move.to for move in moves]
    if moves:
        places.append(moves[-1].from_)
    commit_id = places[back] if back < len(places) else None
    if commit_id is None:
        known = len([place for place in places if place is not None])
        raise UnknownRevision(
            f"'{text}' is unknown: the reflog of {describe_ref(ref)} goes back to @{{{known - 1}}}"
            if known
            else f"'{text}' is unknown: {describe_ref(ref)} has no reflog",
            hint="`wisedb reflog` lists the moves.",
        )
    return commit_id


def _parent(objects: ObjectSource, commit_id: str, which: int, text: str) -> str:
    parents = objects.commit(commit_id).parents
    if which > len(parents):
        has = "no parent" if not parents else f"{len(parents)} parent" + "s" * (len(parents) > 1)
        raise UnknownRevision(
            f"'{text}' is unknown: commit {commit_id[:12]} has {has}", hint="`wisedb log` lists the commits."
        )
    return parents[which - 1]


def _unknown(name: str, refs: Refs) -> UnknownRevision:
    names = [ref.split("/", 2)[-1] for ref in refs.names()]
    near = get_close_matches(name, names, n=1)
    advice = (
        f"Did you mean '{near[0]}'?" if near else "`wisedb branch`, `wisedb tag` and `wisedb log` list what there is."
    )
    return UnknownRevision(f"'{name}' is no branch, no tag and no commit", hint=advice)


def _malformed(text: str) -> UnknownRevision:
    return UnknownRevision(
        f"'{text}' is not written like a revision",
        hint="Give a branch, a tag, at least 4 digits of a commit id or HEAD, and then ~n, ^n or @{n}.",
    )
