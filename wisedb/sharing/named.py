"""Remotes by name: the configuration's list, what a user's word means, and the refs that remember where they were."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Final

from wisedb.errors import UnknownRemote, UsageError, WisedbError
from wisedb.sharing.remotes.open import open_remote
from wisedb.sharing.remotes.protocol import Remote
from wisedb.sharing.transfer import RefChange
from wisedb.sharing.url import parse_address
from wisedb.store.refnames import BRANCHES, REMOTES
from wisedb.store.store import Store
from wisedb.store.upstream import upstream_of

ORIGIN: Final = "origin"
"""What the remote is called that a store is a clone of."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class RemoteTarget:
    """A remote as the user meant it.

    Attributes:
        name: its name, or its address where it has none.
        remote: the remote.
        tracked: the name under which refs remember it, ``None`` where it isn't configured.
    """

    name: str
    remote: Remote
    tracked: str | None


def find_target(
    store: Store, text: str | None, *, token: str | None = None, endpoint: str | None = None
) -> RemoteTarget:
    """The remote that a word means.

    Args:
        store: whose configuration counts.
        text: a configured name or an address; ``None`` for the upstream of HEAD's branch, or ``origin``, or the
            only one that is configured.
        token, endpoint: as for :func:`wisedb.sharing.remotes.open_remote`.

    Raises:
        UnknownRemote: it means nothing.
        UsageError: nothing was given, and there are none or several.
    """
    remotes = store.config.remotes
    if text is None:
        branch = store.refs.head().branch
        upstream = None if branch is None else upstream_of(store, branch)
        text = _usual(remotes) if upstream is None or upstream.remote not in remotes else upstream.remote
    if text in remotes:
        return RemoteTarget(text, open_remote(remotes[text], token=token, endpoint=endpoint), text)
    try:
        address = parse_address(text)
    except UnknownRemote as error:
        near = get_close_matches(text, remotes, n=1)
        if near:
            raise UnknownRemote(error.message, hint=f"Did you mean '{near[0]}'?") from error
        raise
    tracked = next((name for name, url in remotes.items() if url == address.url), None)
    return RemoteTarget(address.url, open_remote(address, token=token, endpoint=endpoint), tracked)


def add_remote(store: Store, name: str, url: str) -> dict[str, str]:
    """Give an address a name; all remotes afterwards. Nothing is read there.

    Raises:
        UsageError: the name isn't one, or is taken; or the address holds a password.
        UnknownRemote: the address is none.
    """
    _check_name({}, name)
    address = parse_address(url)
    with store.lock.hold("adding a remote"):
        config = Store.open(store.root).config
        _check_name(config.remotes, name)
        store.write_config(replace(config, remotes={**config.remotes, name: address.url}))
    return dict(store.config.remotes)


def remove_remote(store: Store, name: str) -> dict[str, str]:
    """Forget a remote and the refs that remember it; all remotes afterwards. The remote itself is left alone.

    Raises:
        UnknownRemote: there is none of that name.
        UsageError: this lazy clone still needs it.
    """
    with store.lock.hold("removing a remote"):
        config = Store.open(store.root).config
        _need(config.remotes, name)
        if config.promised == name and any(store.objects.is_promised(blob_id) for blob_id in store.objects.ids()):
            raise UsageError(
                f"this store is a lazy clone of '{name}' and still needs it for the memories of some commits",
                hint="Clone it again without --lazy.",
            )
        for ref in store.refs.names(f"{REMOTES}{name}/"):
            store.refs.update(ref, store.refs.read(ref), None, f"remote: removed {name}")
        rest = {other: url for other, url in config.remotes.items() if other != name}
        promised = None if config.promised == name else config.promised
        store.write_config(replace(config, remotes=rest, promised=promised))
    return rest


def set_remote_url(store: Store, name: str, url: str) -> dict[str, str]:
    """Give a name another address; all remotes afterwards. Nothing is read there.

    Raises:
        UnknownRemote: there is none of that name, or the address is none.
        UsageError: the address holds a password.
    """
    address = parse_address(url)
    with store.lock.hold("changing a remote"):
        config = Store.open(store.root).config
        _need(config.remotes, name)
        store.write_config(replace(config, remotes={**config.remotes, name: address.url}))
    return dict(store.config.remotes)


def rename_remote(store: Store, old: str, new: str) -> dict[str, str]:
    """Give a remote another name, and the refs that remember it; all remotes afterwards.

    Raises:
        UnknownRemote: there is none of that name.
        UsageError: the new name isn't one, or is taken.
    """
    with store.lock.hold("renaming a remote"):
        config = Store.open(store.root).config
        _need(config.remotes, old)
        _check_name(config.remotes, new)
        action = f"remote: renamed {old} to {new}"
        for ref in store.refs.names(f"{REMOTES}{old}/"):
            commit = store.refs.read(ref)
            if commit is not None:
                store.refs.update(tracking_ref(new, ref.removeprefix(f"{REMOTES}{old}/")), None, commit, action)
            store.refs.update(ref, commit, None, action)
        remotes = {new if name == old else name: url for name, url in config.remotes.items()}
        said = {
            key: new if key.startswith("branch.") and key.endswith(".remote") and value == old else value
            for key, value in config.preferences.items()
        }
        promised = new if config.promised == old else config.promised
        store.write_config(replace(config, remotes=remotes, promised=promised, preferences=said))
    return dict(store.config.remotes)


def _need(remotes: Mapping[str, str], name: str) -> None:
    if name not in remotes:
        known = ", ".join(remotes) or "none"
        raise UnknownRemote(f"there is no remote '{name}'", hint=f"There are: {known}.")


def _check_name(remotes: Mapping[str, str], name: str) -> None:
    if not _NAME.fullmatch(name) or name.endswith(".lock") or ".." in name:
        raise UsageError(f"'{name}' can't name a remote", hint="Use letters, digits, '.', '_' and '-'.")
    if name in remotes:
        raise UsageError(
            f"there is a remote '{name}' already: {remotes[name]}",
            hint=f"Choose another name, or `wisedb remote set-url {name} ADDRESS` to move that one.",
        )


def tracking_ref(name: str, branch: str) -> str:
    """The full name of the ref that remembers a remote's branch."""
    return f"{REMOTES}{name}/{branch}"


def track(store: Store, name: str, heads: Mapping[str, str | None], action: str) -> list[RefChange]:
    """Remember where a remote's branches are; what changed.

    Args:
        store: the store.
        name: the remote's name.
        heads: branch → commit id, ``None`` where it is gone.
        action: for the reflog.

    Raises:
        RefExists: a branch's name is the folder of another one that is remembered.
        StoreBusy, StoreNotWritable, NoSpace: some may have moved.
    """
    changes: list[RefChange] = []
    # What is gone goes first: 'a' may make room for 'a/b'.
    for branch, commit in sorted(heads.items(), key=lambda item: (item[1] is not None, item[0])):
        ref = tracking_ref(name, branch)
        with store.lock.hold(action):
            old = store.refs.read(ref)
            if old != commit:
                store.refs.update(ref, old, commit, action)
                changes.append(RefChange(ref, old, commit))
    return changes


def track_pushed(store: Store, target: RemoteTarget, refs: Mapping[str, str | None]) -> None:
    """Remember what was pushed. Never fails: the push has happened."""
    if target.tracked is None:
        return
    heads = {ref.removeprefix(BRANCHES): commit for ref, commit in refs.items() if ref.startswith(BRANCHES)}
    for branch, commit in heads.items():
        try:
            track(store, target.tracked, {branch: commit}, f"push: to {target.tracked}")
        except WisedbError:
            continue


def _usual(remotes: Iterable[str]) -> str:
    names = list(remotes)
    if ORIGIN in names:
        return ORIGIN
    if len(names) == 1:
        return names[0]
    if names:
        raise UsageError("which remote is meant?", hint=f"Name one of: {', '.join(sorted(names))}.")
    raise UsageError(
        "there is no remote yet",
        hint="`wisedb remote add origin ADDRESS` adds one; ADDRESS is org/name on the Hub, a folder, or s3://bucket/x.",
    )
