"""What a push moves: from the user's words to refs, and to one publication or several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wisedb.errors import UnknownRevision, UsageError
from wisedb.signing.verdict import Trust
from wisedb.store.graph import is_ancestor
from wisedb.store.refnames import BRANCHES, TAGS, describe_ref
from wisedb.store.store import Store


@dataclass(frozen=True, slots=True)
class PushOptions:
    """What is to be pushed, and how.

    Attributes:
        branches: names of branches. Without any, and without ``all_branches`` and ``delete``, the current one.
        tags: names of tags.
        all_branches: all branches.
        all_tags: all tags.
        delete: names of branches, or else of tags, to delete there.
        force: move refs backward or sideways, tags included. The state that was looked at still guards the move.
        lease: force it only where a branch there is where it was when it was last looked at: branch → the commit id
            (``None``: not there) that is expected instead of the remembered one. ``None`` for no such force.
        dry_run: only say what would be done.
        allow_secrets: publish edits that hold what looks like a key or a token.
        private: make a new repository private.
        create_pr: propose the change instead of making it.
        signed: refuse what isn't signed by somebody whom this trusts; ``None`` asks for no signature.
    """

    branches: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    all_branches: bool = False
    all_tags: bool = False
    delete: tuple[str, ...] = ()
    force: bool = False
    lease: Mapping[str, str | None] | None = None
    dry_run: bool = False
    allow_secrets: bool = False
    private: bool | None = None
    create_pr: bool = False
    signed: Trust | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One publication.

    Attributes:
        branch: full name of the branch that carries it.
        refs: full name → where it goes, ``None`` to delete it.
    """

    branch: str
    refs: Mapping[str, str | None]


def jobs(store: Store, options: PushOptions, there: Mapping[str, str], *, shared: bool) -> list[Job]:
    """The publications that a push consists of.

    Args:
        store: the store.
        options: what is to be pushed.
        there: the remote's refs.
        shared: whether one publication may move several branches.

    Raises:
        UnknownRevision: a branch or tag isn't here, or one to delete isn't there.
        UsageError: nothing is meant, or a tag belongs to no branch that is there.
    """
    heads = {BRANCHES + name: commit for name, commit in _branches(store, options).items()}
    tags = {TAGS + name: commit for name, commit in _tags(store, options).items()}
    deleted = [_to_delete(name, there) for name in options.delete]
    if clash := sorted(set(deleted) & {*heads, *tags}):
        raise UsageError(f"{describe_ref(clash[0])} can't be pushed and deleted at once", hint="Decide for one.")
    if shared:
        refs: dict[str, str | None] = {**heads, **tags, **dict.fromkeys(deleted)}
        carrier = next((ref for ref in refs if ref.startswith(BRANCHES)), next(iter(refs), ""))
        return [Job(carrier, refs)] if refs else []
    found: dict[str, dict[str, str | None]] = {ref: {ref: commit} for ref, commit in heads.items()}
    for ref, commit in tags.items():
        found.setdefault(_carrier(store, ref, commit, heads, there), {})[ref] = commit
    for ref in deleted:
        carrier = ref if ref.startswith(BRANCHES) else _carrier(store, ref, there[ref], heads, there)
        found.setdefault(carrier, {})[ref] = None
    return [Job(branch, refs) for branch, refs in found.items()]


def _branches(store: Store, options: PushOptions) -> dict[str, str]:
    local = store.refs.branches()
    if options.all_branches:
        return local
    if options.branches:
        for name in options.branches:
            if name not in local:
                raise UnknownRevision(f"there is no branch '{name}' here", hint="`wisedb branch` lists the branches.")
        return {name: local[name] for name in options.branches}
    if options.delete:
        return {}
    head = store.refs.head()
    if head.branch is not None and head.commit is not None:
        return {head.branch: head.commit}
    if options.tags or options.all_tags:
        return {}
    raise UsageError("HEAD is on no branch", hint="Name the branch to push: `wisedb push REMOTE BRANCH`.")


def _tags(store: Store, options: PushOptions) -> dict[str, str]:
    local = store.refs.tags()
    if options.all_tags:
        return local
    for name in options.tags:
        if name not in local:
            raise UnknownRevision(f"there is no tag '{name}' here", hint="`wisedb tag` lists the tags.")
    return {name: local[name] for name in options.tags}


def _to_delete(name: str, there: Mapping[str, str]) -> str:
    for ref in (BRANCHES + name, TAGS + name):
        if ref in there:
            return ref
    raise UnknownRevision(f"there is no branch or tag '{name}' there", hint="`wisedb ls-remote` lists what there is.")


def _carrier(store: Store, ref: str, commit: str, heads: Mapping[str, str], there: Mapping[str, str]) -> str:
    """The branch whose history holds a tag's commit: one that is pushed now, or one that is there."""
    known = {name: tip for name, tip in there.items() if name.startswith(BRANCHES) and store.objects.has_commit(tip)}
    for branch, tip in {**known, **heads}.items():
        if store.objects.has_commit(commit) and is_ancestor(store.objects, commit, tip):
            return branch
    raise UsageError(
        f"{describe_ref(ref)} is on no branch that is there", hint="Push a branch that leads to it as well."
    )
