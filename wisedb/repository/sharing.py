"""The verbs that share stores: each is bound to :class:`wisedb.repository.Repository` as a method.

A remote is the name of a configured one or an address (``org/name``, a folder, ``s3://…``); without one, ``origin`` or
the only one is meant. A token is the Hub's, and is kept nowhere; an endpoint is another Hub or S3 server.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from wisedb.errors import UsageError
from wisedb.progress import Listener

if TYPE_CHECKING:
    from wisedb.repository.repository import Repository
    from wisedb.sharing.fetch import Fetched
    from wisedb.sharing.lsremote import RemoteRef
    from wisedb.sharing.pull import Pulled
    from wisedb.sharing.transfer import Transfer
    from wisedb.signing.signer import Sign
    from wisedb.signing.verdict import Trust
    from wisedb.store.signature import Author


def remotes(repository: Repository) -> dict[str, str]:
    """Name → address of the configured remotes."""
    return dict(sorted(repository.store.config.remotes.items()))


def remote_add(repository: Repository, name: str, url: str) -> dict[str, str]:
    """Give an address a name; see :func:`wisedb.sharing.named.add_remote`."""
    from wisedb.sharing.named import add_remote

    add_remote(repository.store, name, url)
    return remotes(repository)


def remote_remove(repository: Repository, name: str) -> dict[str, str]:
    """Forget a remote; see :func:`wisedb.sharing.named.remove_remote`."""
    from wisedb.sharing.named import remove_remote

    remove_remote(repository.store, name)
    return remotes(repository)


def remote_set_url(repository: Repository, name: str, url: str) -> dict[str, str]:
    """Give a name another address; see :func:`wisedb.sharing.named.set_remote_url`."""
    from wisedb.sharing.named import set_remote_url

    set_remote_url(repository.store, name, url)
    return remotes(repository)


def remote_rename(repository: Repository, old: str, new: str) -> dict[str, str]:
    """Give a remote another name; see :func:`wisedb.sharing.named.rename_remote`."""
    from wisedb.sharing.named import rename_remote

    rename_remote(repository.store, old, new)
    return remotes(repository)


def remote_branches(repository: Repository) -> dict[str, str]:
    """``origin/main`` → commit id: where the branches of remotes were when they were last looked at."""
    from wisedb.store.refnames import REMOTES

    return {ref.removeprefix(REMOTES): commit for ref, commit in repository.store.refs.items(REMOTES)}


def push(
    repository: Repository,
    remote: str | None = None,
    branches: str | Iterable[str] = (),
    *,
    tags: str | Iterable[str] = (),
    all_branches: bool = False,
    all_tags: bool = False,
    delete: str | Iterable[str] = (),
    force: bool = False,
    lease: Mapping[str, str | None] | None = None,
    set_upstream: bool = False,
    dry_run: bool = False,
    allow_secrets: bool = False,
    private: bool | None = None,
    create_pr: bool = False,
    signed: Trust | None = None,
    token: str | None = None,
    endpoint: str | None = None,
    progress: Listener | None = None,
) -> Transfer:
    """Publish branches (the current one by default) and tags.

    With ``set_upstream`` the branches go with those of their names there from now on: ``status`` tells how far both are
    apart, and ``pull`` and ``push`` mean that remote.

    See :func:`wisedb.sharing.push.push` and :class:`wisedb.sharing.jobs.PushOptions`.
    """
    from wisedb.sharing.jobs import PushOptions
    from wisedb.sharing.named import find_target
    from wisedb.sharing.push import push

    options = PushOptions(
        branches=_words(branches),
        tags=_words(tags),
        all_branches=all_branches,
        all_tags=all_tags,
        delete=_words(delete),
        force=force,
        lease=lease,
        dry_run=dry_run,
        allow_secrets=allow_secrets,
        private=private,
        create_pr=create_pr,
        signed=signed,
    )
    target = find_target(repository.store, remote, token=token, endpoint=endpoint)
    if set_upstream and target.tracked is None:
        raise UsageError(
            f"{target.name} has no name here that an upstream could go by",
            hint="`wisedb remote add NAME ADDRESS` first.",
        )
    done = push(repository.store, target, options, progress=progress)
    if set_upstream and target.tracked is not None and not dry_run:
        from wisedb.store import upstream

        head = repository.store.refs.head().branch
        names = (
            list(repository.store.refs.branches()) if all_branches else options.branches or ((head,) if head else ())
        )
        for name in names:
            upstream.set_upstream(repository.store, name, upstream.Upstream(target.tracked, name))
    return done


def fetch(
    repository: Repository,
    remote: str | None = None,
    branches: str | Iterable[str] = (),
    *,
    prune: bool = False,
    token: str | None = None,
    endpoint: str | None = None,
    progress: Listener | None = None,
) -> Fetched:
    """Bring what a remote has; no branch of this store moves. See :func:`wisedb.sharing.fetch.fetch`."""
    from wisedb.sharing.fetch import fetch
    from wisedb.sharing.named import find_target

    repository.store.check_writable()
    target = find_target(repository.store, remote, token=token, endpoint=endpoint)
    return fetch(repository.store, target, branches=_words(branches), prune=prune, progress=progress)


def pull(
    repository: Repository,
    remote: str | None = None,
    branch: str | None = None,
    *,
    ff_only: bool = False,
    author: Author | None = None,
    date: str | None = None,
    sign: Sign | None = None,
    token: str | None = None,
    endpoint: str | None = None,
    progress: Listener | None = None,
) -> Pulled:
    """Fetch, then move the current branch forward, or merge where both sides have moved.

    While the merge has conflicts, nothing but the fetch has happened; ``merge`` with the same commit decides them.
    See :func:`wisedb.sharing.pull.pull`.
    """
    from wisedb.sharing.named import find_target
    from wisedb.sharing.pull import pull

    def merged(rev: str, message: str) -> dict[str, Any]:
        return repository.merge(rev, message, author=author, date=date, sign=sign, progress=progress).to_json()

    repository.store.check_writable()
    return pull(
        repository.store,
        find_target(repository.store, remote, token=token, endpoint=endpoint),
        branch,
        None if ff_only else merged,
        progress=progress,
    )


def ls_remote(
    repository: Repository, remote: str | None = None, *, token: str | None = None, endpoint: str | None = None
) -> list[RemoteRef]:
    """What a remote has, without fetching it; see :func:`wisedb.sharing.lsremote.ls_remote`."""
    from wisedb.sharing.lsremote import ls_remote
    from wisedb.sharing.named import find_target

    return ls_remote(find_target(repository.store, remote, token=token, endpoint=endpoint))


def _words(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)
