"""Upstream branches: which branch of which remote one's own goes with, and how far apart both are."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wisedb.errors import StoreError, UnknownRevision, WisedbWarning
from wisedb.store.graph import ancestors
from wisedb.store.refnames import BRANCHES, REMOTES

if TYPE_CHECKING:
    from wisedb.store.store import Store


@dataclass(frozen=True, slots=True)
class Upstream:
    """The branch of a remote that a branch is pushed to and pulled from.

    Attributes:
        remote: the remote's name.
        branch: the branch's name there.
    """

    remote: str
    branch: str

    @property
    def name(self) -> str:
        """As one says it: ``origin/main``."""
        return f"{self.remote}/{self.branch}"

    @property
    def ref(self) -> str:
        """The full name of the ref that remembers where it was."""
        return REMOTES + self.name


@dataclass(frozen=True, slots=True)
class Distance:
    """How far a branch and its upstream are apart, as last fetched or pushed.

    Attributes:
        upstream: the upstream's name, as in ``origin/main``.
        ahead: commits that only the branch has; ``None`` where the remote was never looked at.
        behind: commits that only the upstream has; ``None`` likewise.
    """

    upstream: str
    ahead: int | None
    behind: int | None

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return {"upstream": self.upstream, "ahead": self.ahead, "behind": self.behind}


def upstream_of(store: Store, branch: str) -> Upstream | None:
    """What a branch goes with: what was said (``push --set-upstream``), else the branch of its name at ``origin``.

    The second only where ``origin`` is known to have one.
    """
    said = store.config.preferences
    remote = said.get(f"branch.{branch}.remote")
    if remote is not None:
        return Upstream(str(remote), str(said.get(f"branch.{branch}.merge", branch)))
    usual = Upstream("origin", branch)
    return usual if "origin" in store.config.remotes and store.refs.read(usual.ref) is not None else None


def set_upstream(store: Store, branch: str, upstream: Upstream) -> None:
    """Remember what a branch goes with.

    Raises:
        StoreBusy, NoSpace, StoreNotWritable: nothing has changed.
    """
    said = {f"branch.{branch}.remote": upstream.remote, f"branch.{branch}.merge": upstream.branch}
    store.change_preferences(lambda there: {**there, **said})


def choose_upstream(store: Store, branch: str, name: str) -> None:
    """Remember what a branch goes with, by its name as in ``origin/main``.

    Raises:
        UnknownRevision: there is no such branch here, or no remote of that name.
    """
    remote, _, there = name.partition("/")
    if store.refs.read(BRANCHES + branch) is None:
        raise UnknownRevision(f"there is no branch '{branch}'", hint="`wisedb branch` lists all.")
    if remote not in store.config.remotes or not there:
        known = ", ".join(sorted(store.config.remotes)) or "none"
        raise UnknownRevision(f"'{name}' is no branch of a remote", hint=f"Say REMOTE/BRANCH; there are: {known}.")
    set_upstream(store, branch, Upstream(remote, there))


def forget_upstream(store: Store, branch: str) -> None:
    """Forget what a branch goes with."""
    store.change_preferences(lambda there: {key: value for key, value in there.items() if not _of(key, branch)})


def move_upstream(store: Store, old: str, new: str) -> None:
    """Let what was said of one branch be said of another: it was renamed."""
    store.change_preferences(
        lambda there: {
            f"branch.{new}.{key.rpartition('.')[2]}" if _of(key, old) else key: value
            for key, value in there.items()
            if old == new or not _of(key, new)
        }
    )


def distance(store: Store, branch: str) -> Distance | None:
    """How far a branch and its upstream are apart; ``None`` where it has none, or where it can't be told.

    Where a commit of either can't be read, a warning says so.
    """
    upstream = upstream_of(store, branch)
    own = store.refs.read(BRANCHES + branch)
    if upstream is None or own is None:
        return None
    try:
        there = store.refs.read(upstream.ref)
        if there is None:
            return Distance(upstream.name, None, None)
        if own == there:
            return Distance(upstream.name, 0, 0)
        here, far = ({commit for commit, _ in ancestors(store.objects, tip)} for tip in (own, there))
    except StoreError as error:
        told = f"how far '{branch}' and '{upstream.name}' are apart is unknown: {error.message}"
        warnings.warn(told, WisedbWarning, stacklevel=2)
        return None
    return Distance(upstream.name, len(here - far), len(far - here))


def _of(key: str, branch: str) -> bool:
    return key in (f"branch.{branch}.remote", f"branch.{branch}.merge")
