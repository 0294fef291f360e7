"""Heal a pack from a store: what is damaged or gone there is published again, and no ref moves."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from wisedb.errors import StoreError, UsageError
from wisedb.progress import Listener
from wisedb.sharing.bundle import Contents, read_bundle, split, write_bundle
from wisedb.sharing.check_pack import PackState, check_pack
from wisedb.sharing.manifest import Bundle, object_path
from wisedb.sharing.outgoing import collect
from wisedb.sharing.plan import ancestry
from wisedb.sharing.remotes.protocol import Publication, Remote, Snapshot
from wisedb.store.container import read_detached
from wisedb.store.dependents import Lost
from wisedb.store.refnames import BRANCHES
from wisedb.store.repair import Repair, Repaired
from wisedb.store.store import DEFAULT_BRANCH, Store


def heal(store: Store, remote: Remote, *, progress: Listener | None = None) -> Repair:
    """Check a pack and send again what is damaged or gone there, as far as the store has it.

    Args:
        store: the store.
        remote: the pack; one that has one manifest for all refs.
        progress: told while it is checked and while files are sent.

    Raises:
        UsageError: it is a repository of the Hub, which keeps each file by its hash itself.
        PushRejected: another push landed meanwhile; nothing has changed.
        RemoteError, CorruptObject, FormatTooNew: the pack can't be read, or not written.
    """
    if not remote.shared:
        raise UsageError(
            f"{remote.url} can't be mended in place", hint="`wisedb push --force` publishes this store's state there."
        )
    before = check_pack(remote, progress=progress)
    snapshot = remote.snapshot(BRANCHES + DEFAULT_BRANCH)
    assert snapshot.manifest is not None
    if before.report.ok:
        return Repair(before.report, (), ())
    contents, files = _held(store, snapshot, before)
    # A bundle whose header leads to a file that is gone must not come before the one that leads to the new file.
    moved = {bundle.name: bundle for blob_id, bundle in before.broken.items() if blob_id in contents.headers}
    old = [_without(remote, snapshot, bundle, contents) for bundle in moved.values()]
    written = [write_bundle(each) for each in split([*old, contents]) if len(each)]
    gone = {*moved, *(bundle.name for bundle in before.bad)}
    kept = [bundle for bundle in snapshot.manifest.bundles if bundle.name not in gone]
    names = {bundle.name for bundle in kept}
    fresh = [(bundle, data) for bundle, data in written if bundle.name not in names]
    sent: dict[str, bytes | Path] = {**files, **{bundle.path: data for bundle, data in fresh}}
    if sent:
        remote.publish(
            Publication(
                snapshot=snapshot,
                branch=BRANCHES + DEFAULT_BRANCH,
                refs={},
                manifest=replace(snapshot.manifest, bundles=(*kept, *(bundle for bundle, _ in fresh))),
                files=sent,
                removed=tuple(bundle.path for bundle in (*before.bad, *moved.values()) if bundle.path not in sent),
                message="mended",
            ),
            progress=progress,
        )
    after = check_pack(remote, progress=progress)
    left = {problem.object for problem in after.problems}
    repaired = tuple(
        Repaired(problem.object, "this store") for problem in before.problems if problem.object not in left
    )
    return Repair(after.report, repaired, tuple(Lost(each, (), {}) for each in sorted(left)))


def _held(store: Store, snapshot: Snapshot, state: PackState) -> tuple[Contents, dict[str, Path]]:
    """What the store has of all that the pack's refs lead to and that isn't whole there."""
    assert snapshot.manifest is not None
    objects = store.objects

    def parents(commit_id: str) -> tuple[str, ...]:
        if commit_id in state.commits:
            return state.commits[commit_id].parents
        try:
            return objects.commit(commit_id).parents
        except StoreError:
            return ()

    contents, files = Contents(), dict[str, Path]()
    wanted = set(snapshot.manifest.editor.resources.values())
    for commit_id in ancestry(parents, sorted(set(snapshot.manifest.refs.values()))):
        with suppress(StoreError):
            commit = state.commits.get(commit_id) or objects.commit(commit_id)
            wanted |= commit.blobs
            if commit_id not in state.commits:
                contents.commits[commit_id] = commit.to_bytes()
    for blob_id in sorted(wanted - state.headers.keys()):
        with suppress(StoreError):  # what isn't whole here either stays as it is there
            found = collect(objects, (), state.headers.keys(), (blob_id,))
            for group in found.groups:
                contents.add(group)
            files |= found.files
    # A file that goes by the very header that is published already is enough by itself.
    for blob_id in list(contents.headers):
        if blob_id in state.broken and object_path(read_detached(contents.headers[blob_id])) in state.places:
            del contents.headers[blob_id]
    return contents, files


def _without(remote: Remote, snapshot: Snapshot, bundle: Bundle, fresh: Contents) -> Contents:
    """A bundle's contents, but for the headers that come anew."""
    contents = read_bundle(bundle, remote.read(bundle.path, snapshot, limit=bundle.bytes))
    for blob_id in fresh.headers:
        contents.headers.pop(blob_id, None)
    return contents
