"""The verbs that check a store and keep it small: bound to :class:`wisedb.repository.Repository` as methods."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from wisedb.errors import UsageError

if TYPE_CHECKING:
    from wisedb.progress import Listener
    from wisedb.repository.repository import Repository
    from wisedb.serving.probe import ModelCheck
    from wisedb.store.fsck import FsckReport
    from wisedb.store.gc import GcReport
    from wisedb.store.repair import Repair
    from wisedb.versioning.index import Reindexed


def fsck(repository: Repository) -> FsckReport:
    """Check every object and ref; the index is derived data, and ``status`` tells how it is."""
    from wisedb.serving.memory_codec import read_memory
    from wisedb.store.fsck import fsck

    return fsck(repository.store, examine=lambda memory: read_memory(repository.store.objects, memory))


def repair(
    repository: Repository,
    places: Iterable[str] = (),
    *,
    token: str | None = None,
    endpoint: str | None = None,
    progress: Listener | None = None,
) -> Repair:
    """Bring back what is lost or rotten, from the trash, the remotes or ``places``; see :mod:`wisedb.store.repair`."""
    from wisedb.serving.memory_codec import read_memory
    from wisedb.sharing.sources import sources_of
    from wisedb.store.repair import repair

    store = repository.store
    return repair(
        store,
        sources_of(store, places, token=token, endpoint=endpoint),
        examine=lambda memory: read_memory(store.objects, memory),
        progress=progress,
    )


def fsck_remote(
    repository: Repository,
    remote: str,
    *,
    mend: bool = False,
    token: str | None = None,
    endpoint: str | None = None,
    progress: Listener | None = None,
) -> Repair:
    """Check a pack; with ``mend`` what is damaged there is sent again, as far as this store has it."""
    from wisedb.sharing.check_pack import check_pack
    from wisedb.sharing.heal import heal
    from wisedb.sharing.named import find_target
    from wisedb.store.repair import Repair

    place = find_target(repository.store, remote, token=token, endpoint=endpoint).remote
    if mend:
        return heal(repository.store, place, progress=progress)
    return Repair(check_pack(place, progress=progress).report, (), ())


def check_model(repository: Repository, rev: str = "HEAD") -> ModelCheck:
    """Whether the model at ``rev`` still computes what it did when that commit was made, by a few prompts."""
    from wisedb.serving.probe import check_model
    from wisedb.versioning.land import versions

    commit_id = repository.store.resolve(rev)
    with repository.turn:
        return check_model(repository.store, repository.base, commit_id, versions())


def gc(repository: Repository, dry_run: bool = True, grace: float | None = None) -> GcReport:
    """Remove objects that nothing reaches and that are older than ``grace`` seconds (two weeks by default)."""
    from wisedb.store.gc import DEFAULT_GRACE, collect

    if grace is not None and not 0 <= grace < float("inf"):
        raise UsageError(f"a grace of {grace} seconds is not possible", hint="Give a number of 0 or more.")
    kept = DEFAULT_GRACE if grace is None else timedelta(seconds=min(grace, timedelta.max.total_seconds() / 2))
    return collect(repository.store, grace=kept, dry_run=dry_run)


def reindex(repository: Repository) -> Reindexed:
    """Make the index anew from the objects."""
    from wisedb.versioning.index import reindex

    return reindex(repository.store)
