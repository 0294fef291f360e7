"""Branches and tags as people name, move and delete them. No torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisedb.errors import NotMerged, UsageError
from wisedb.store.dates import utc_now
from wisedb.store.graph import is_ancestor
from wisedb.store.refnames import BRANCHES, TAGS, check_ref_name
from wisedb.store.tag_notes import TagNote
from wisedb.store.upstream import forget_upstream, move_upstream, upstream_of

if TYPE_CHECKING:
    from wisedb.signing.signer import Sign
    from wisedb.store.reflog import RefMove
    from wisedb.store.store import Store


@dataclass(frozen=True, slots=True)
class NamedRef:
    """A branch or a tag.

    Attributes:
        name: its name, without ``refs/heads/``.
        commit: where it points.
    """

    name: str
    commit: str

    def to_json(self) -> dict[str, str]:
        """``{"name", "commit"}``."""
        return {"name": self.name, "commit": self.commit}


def branches(store: Store) -> list[NamedRef]:
    """All branches, by name."""
    return [NamedRef(name, commit) for name, commit in store.refs.branches().items()]


def tags(store: Store) -> list[NamedRef]:
    """All tags, by name."""
    return [NamedRef(name, commit) for name, commit in store.refs.tags().items()]


def branch(
    store: Store,
    name: str,
    rev: str = "HEAD",
    *,
    delete: bool = False,
    only_merged: bool = False,
    force: bool = False,
) -> list[NamedRef]:
    """Make or delete a branch; all branches afterwards.

    Args:
        store: the store.
        name: the branch.
        rev: where it is made.
        delete: delete it.
        only_merged: delete it only if its upstream branch, or HEAD where it has none, has all of its commits.
        force: make it even where there is one, which then moves.

    Raises:
        RefExists: a branch of that name is there, or HEAD is on the one to delete.
        NotMerged: ``only_merged``, and it isn't.
        UnknownRevision: no such commit, or no such branch to delete.
        InvalidRefName: the name is not one.
    """
    if delete and only_merged:
        _check_merged(store, name)
    _make_or_delete(store, BRANCHES + name, rev, delete, force, "branch")
    if delete:
        forget_upstream(store, name)
    return branches(store)


def related(
    store: Store,
    commits: Iterable[str],
    *,
    contains: str | None = None,
    merged: str | None = None,
    no_merged: str | None = None,
) -> set[str]:
    """Those of some commits that stand so to others.

    Args:
        store: the store.
        commits: their ids.
        contains: a revision that they descend from, or are.
        merged: one that descends from them, or is one of them.
        no_merged: one that doesn't.

    Raises:
        UnknownRevision, AmbiguousId: no such commit.
    """
    found = set(commits)
    if contains is not None:
        older = store.resolve(contains)
        found = {each for each in found if is_ancestor(store.objects, older, each)}
    for rev, wanted in ((merged, True), (no_merged, False)):
        if rev is not None:
            newer = store.resolve(rev)
            found = {each for each in found if is_ancestor(store.objects, each, newer) == wanted}
    return found


def rename(store: Store, old: str | None, new: str, *, force: bool = False) -> list[NamedRef]:
    """Give a branch another name, the current one where none is named; all branches afterwards.

    Raises:
        UsageError: HEAD is on no branch, and none is named.
        UnknownRevision, RefExists, InvalidRefName: as :meth:`wisedb.store.refs.Refs.rename_branch`.
    """
    name = store.refs.head().branch if old is None else old
    if name is None:
        raise UsageError("HEAD is on no branch", hint="Name the branch that is to be called otherwise.")
    store.refs.rename_branch(name, new, force=force)
    move_upstream(store, name, new)
    return branches(store)


def tag(
    store: Store,
    name: str,
    rev: str = "HEAD",
    *,
    delete: bool = False,
    force: bool = False,
    note: tuple[str, str] | None = None,
    sign: Sign | None = None,
) -> list[NamedRef]:
    """Make or delete a tag, or move one with ``force``; all tags afterwards. Raises as :func:`branch`.

    Args:
        store: the store.
        name: the tag.
        rev: what it names.
        delete: delete it, and its note.
        force: move one that is there.
        note: (who makes it, why) of an annotated tag.
        sign: signs the note.
    """
    kept = None
    if note is not None and not delete:
        check_ref_name(TAGS + name)
        kept = TagNote(store.resolve(rev), note[0], utc_now(), note[1].strip())
        # Before the tag is there: where no signature is made, there is no tag either.
        kept = kept if sign is None else kept.signed(name, sign)
    _make_or_delete(store, TAGS + name, rev, delete, force, "tag")
    store.tag_notes.write(name, kept)
    return tags(store)


def reflog(store: Store, ref: str = "HEAD") -> list[RefMove]:
    """The moves of HEAD or of a branch, newest first.

    Args:
        store: the store.
        ref: ``HEAD``, a branch or tag, or a ref's full name.
    """
    full = ref if ref == "HEAD" or ref.startswith("refs/") else BRANCHES + ref
    return store.refs.reflog(full)


def _make_or_delete(store: Store, ref: str, rev: str, delete: bool, force: bool, action: str) -> None:
    if delete:
        store.refs.delete(ref, f"{action}: deleted")
    else:
        store.refs.create(ref, store.resolve(rev), f"{action}: created at {rev}", force=force)


def _check_merged(store: Store, name: str) -> None:
    commit, upstream = store.refs.read(BRANCHES + name), upstream_of(store, name)
    if commit is None:
        return
    there = None if upstream is None else store.refs.read(upstream.ref)
    kept_by = [goal for goal in (store.refs.head().commit if there is None else there,) if goal is not None]
    if not any(is_ancestor(store.objects, commit, goal) for goal in kept_by):
        raise NotMerged(
            f"branch '{name}' is not fully merged: its last commit is {commit[:12]}",
            hint=f"`wisedb merge {name}` first, or `wisedb branch -D {name}` deletes it all the same.",
        )
