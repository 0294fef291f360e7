"""Clone: a new store from a pack, there whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from wisedb.config import StoreConfig
from wisedb.errors import RemoteUnavailable, StoreError, StoreExists, UnknownRevision, UnsafeOwner, UsageError
from wisedb.model.gguf import split_gguf
from wisedb.paths import expanded
from wisedb.progress import Listener
from wisedb.sharing.fetch import RemoteState, nothing_there, read_remote
from wisedb.sharing.incoming import Received, receive
from wisedb.sharing.manifest import Manifest
from wisedb.sharing.named import ORIGIN, tracking_ref
from wisedb.sharing.remotes.open import open_remote
from wisedb.sharing.remotes.protocol import Remote
from wisedb.sharing.transfer import RefChange, Transfer
from wisedb.sharing.url import parse_address
from wisedb.store.disk_errors import storage_errors
from wisedb.store.files import Disk, Fault, is_temporary, no_fault
from wisedb.store.lock import StoreLock
from wisedb.store.places import FOLDER
from wisedb.store.refnames import BRANCHES, TAGS
from wisedb.store.store import DEFAULT_BRANCH, Store

_UNFINISHED: Final = "cloning"
_SOURCE: Final = "source"
_LOCK: Final = "lock"


@dataclass(frozen=True, slots=True)
class Cloned:
    """A clone.

    Attributes:
        store: the new store.
        branch: the branch that HEAD is on.
        transfer: what travelled.
    """

    store: Store
    branch: str
    transfer: Transfer

    def to_json(self) -> dict[str, Any]:
        """As ``clone`` prints it."""
        path = self.store.root.parent
        return {
            **self.transfer.to_json("received"),
            "path": str(path),
            "branch": self.branch,
            "head": self.store.refs.head().commit,
            "model": self.store.config.base.model,
            "fingerprint": self.store.config.base.fingerprint,
        }


def clone(
    url: str,
    folder: Path | None = None,
    *,
    branch: str | None = None,
    lazy: bool = False,
    model: str | None = None,
    token: str | None = None,
    endpoint: str | None = None,
    remote: Remote | None = None,
    progress: Listener | None = None,
    fault: Fault = no_fault,
) -> Cloned:
    """Make a store from a pack.

    It is built beside the folder and takes its name by one rename. If the network fails meanwhile, what arrived is
    kept for the next attempt.

    Args:
        url: the pack's address.
        folder: new or empty; by default named after the pack, in the working directory.
        branch: where HEAD is; by default ``main``, or the only one.
        lazy: leave the large blobs of memories where they are, until a commit that needs them is loaded.
        model: where the base model is on this machine, if it isn't where the pack says: a folder, or a GGUF file.
        token, endpoint: as for :func:`wisedb.sharing.remotes.open_remote`.
        remote: the remote, if it is open already.
        progress: told while files arrive.
        fault: called before each step of a write, for tests.

    Raises:
        StoreExists, UsageError: the folder is in use, or no branch can be chosen.
        RemoteNotFound: there is no pack.
        UnknownRevision: there is no such branch.
        CorruptObject, FormatTooNew, RemoteError: the pack can't be read.
        NoSpace, StoreNotWritable: the store can't be written.
    """
    address = parse_address(url)
    target = (folder if folder is not None else Path(address.name)).absolute()
    _refuse_used(target)
    source = remote if remote is not None else open_remote(address, token=token, endpoint=endpoint)
    state = read_remote(source)
    chosen = _choose(source, state, branch)
    manifest = state.snapshots[BRANCHES + chosen].manifest
    assert manifest is not None
    config = _config(manifest, source.url, lazy, model)
    making = target.parent / f".{target.name}.{_UNFINISHED}"
    above = [folder for folder in target.parents if not folder.exists()]
    # Its name can be foreseen: somebody else may have put a link there, or something that is no clone.
    disk = Disk(fault, target.parent)
    disk.make_folder(making)
    _refuse_other(making, disk)
    with StoreLock(making / _LOCK, disk, timeout=0).hold(f"a clone of {source.url}"):
        try:
            store = _begin(making, source.url, config, chosen, disk)
            got = _fill(store, source, state, chosen, lazy, progress)
            _finish(making, target, fault)
        except (RemoteUnavailable, KeyboardInterrupt):
            raise
        except BaseException:
            with suppress(StoreError):
                disk.remove_folder(making)
            with suppress(OSError):
                for folder in above:
                    folder.rmdir()
            raise
    made = Store.open(target)
    made.index.ensure()
    changes = (RefChange(BRANCHES + chosen, None, state.refs[BRANCHES + chosen]),)
    transfer = Transfer(source.url, source.url, changes, len(got.commits), len(got.blobs), got.bytes)
    return Cloned(made, chosen, transfer)


def _refuse_used(target: Path) -> None:
    with storage_errors(target):
        if target.is_dir() and not any(target.iterdir()):
            return
        if not target.exists():
            return
    if (target / FOLDER).exists():
        raise StoreExists(f"there is a store already: {target}", hint="`wisedb fetch` there, or choose another folder.")
    raise UsageError(f"{target} is not empty", hint="Choose a new or an empty folder.")


def _refuse_other(making: Path, disk: Disk) -> None:
    """Leave alone what isn't an unfinished clone, or is somebody else's."""
    if making.stat().st_uid != os.geteuid():
        raise UnsafeOwner(f"{making} belongs to another user", hint="Clone into a folder of your own.")
    others = [name for name in disk.names(making) if name not in (_SOURCE, _LOCK, FOLDER)]
    others = [name for name in others if not is_temporary(Path(name))]
    if others:
        raise UsageError(f"{making} is no unfinished clone: it holds '{others[0]}'", hint="Remove it, or rename it.")


def _choose(remote: Remote, state: RemoteState, branch: str | None) -> str:
    names = [ref.removeprefix(BRANCHES) for ref in state.refs if ref.startswith(BRANCHES)]
    if not names:
        raise nothing_there(remote)
    if branch is not None:
        if branch not in names:
            raise UnknownRevision(f"{remote.url} has no branch '{branch}'", hint=f"It has: {', '.join(sorted(names))}.")
        return branch
    if DEFAULT_BRANCH in names:
        return DEFAULT_BRANCH
    if len(names) == 1:
        return names[0]
    raise UsageError(
        f"{remote.url} has no branch '{DEFAULT_BRANCH}'", hint=f"Choose with --branch: {', '.join(sorted(names))}."
    )


def _config(manifest: Manifest, url: str, lazy: bool, model: str | None) -> StoreConfig:
    base = manifest.base
    if model is not None:
        # Where it is, not what it is: the fingerprint is checked when it is loaded.
        model, file = split_gguf(model)
        path = expanded(model)
        base = replace(
            base,
            model=str(path.absolute()) if path.exists() else model,
            revision=None,
            gguf_file=file or base.gguf_file,
        )
    return StoreConfig(base, manifest.editor, {ORIGIN: url}, ORIGIN if lazy else None)


def _begin(making: Path, url: str, config: StoreConfig, branch: str, disk: Disk) -> Store:
    """The folder in which the store is made; of an earlier attempt at the same pack its objects are kept."""
    marker, root = making / _SOURCE, making / FOLDER
    if disk.read_if_there(marker) != url.encode():
        disk.remove_folder(root)
    for name in ("refs", "logs", "index"):
        disk.remove_folder(root / name)
    store = Store.lay_out(root, config, branch=branch, fault=disk.fault)
    disk.write(marker, url.encode())
    return store


def _fill(
    store: Store, remote: Remote, state: RemoteState, branch: str, lazy: bool, progress: Listener | None
) -> Received:
    wants = {state.refs[ref]: snapshot for ref, snapshot in state.snapshots.items()}
    got = receive(
        store.objects,
        remote,
        wants,
        lambda commit_id: False,
        more=tuple(store.config.editor.resources.values()),
        lazy=lazy,
        progress=progress,
    )
    action = f"clone: from {remote.url}"
    for ref, commit in state.refs.items():
        if ref.startswith(TAGS):
            store.refs.create(ref, commit, action)
            state.note(store, ref, commit)
        else:
            store.refs.create(tracking_ref(ORIGIN, ref.removeprefix(BRANCHES)), commit, action)
    store.refs.create(BRANCHES + branch, state.refs[BRANCHES + branch], action)
    return got


def _finish(making: Path, target: Path, fault: Fault) -> None:
    with storage_errors(target):
        for name in (_SOURCE, _LOCK):
            (making / name).unlink()
        fault("rename the clone")
        if target.is_dir():
            # The folder may be where the user is: it stays the same one.
            (making / FOLDER).rename(target / FOLDER)
            Disk().sync(target)
            with suppress(OSError):
                making.rmdir()
        else:
            making.rename(target)
        Disk().sync(target.parent)
