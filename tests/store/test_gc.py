"""Collecting takes what nobody reaches, when it is old, and nothing else."""

from __future__ import annotations

import os
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.store.conftest import Kit
from wisedb.edits import Edit
from wisedb.errors import CorruptObject, MissingObject, StoreBusy
from wisedb.store.blobs import Array, Blob
from wisedb.store.fsck import fsck
from wisedb.store.gc import DEFAULT_GRACE, Marks, collect
from wisedb.store.reflog import RefMove
from wisedb.store.store import Store

NONE = timedelta(0)
LATER = datetime.now(UTC) + timedelta(days=100)


def all_objects(store: Store) -> set[str]:
    return {*store.objects.ids(), *store.objects.commit_ids()}


def test_nothing_that_is_reached_goes(store: Store, kit: Kit, edits: list[Edit]) -> None:
    root = store.resolve("HEAD")
    one = kit.write(store, edits[0], minute=1)
    kit.write(store, edits[1], minute=2)
    store.refs.create("refs/tags/v1", one, "tag")
    store.refs.create("refs/heads/side", one, "branch")
    kit.write(store, edits[2], minute=3, ref="refs/heads/side")
    store.refs.delete("refs/heads/side", "branch")
    store.refs.update("HEAD", store.resolve("HEAD"), root, "reset")
    before = all_objects(store)
    assert collect(store, grace=NONE, dry_run=False, now=LATER).removed == ()
    assert all_objects(store) == before and fsck(store).ok


def test_what_nothing_reaches_goes_by_default_only_in_words(store: Store, kit: Kit, edits: list[Edit]) -> None:
    before = all_objects(store)
    blob, commit = store.objects.put(kit.edits(edits[0])), kit.empty(store, store.resolve("HEAD"), minute=9)
    size = store.objects.size(blob) + store.objects.size(commit)
    store.scores.put(commit, "x", {})
    report = collect(store, grace=NONE)
    assert report.to_json() == {"removed": sorted([blob, commit]), "bytes": size, "dry_run": True, "unfinished": 0}
    assert all_objects(store) == before | {blob, commit}
    assert collect(store, grace=NONE, dry_run=False).removed == report.removed
    assert all_objects(store) == before and store.scores.commit_ids() == [] and fsck(store).ok
    assert list((store.root / "trash").iterdir()) == []


def test_young_objects_are_left_to_their_writers(store: Store, kit: Kit, edits: list[Edit]) -> None:
    blob = store.objects.put(kit.edits(edits[0]))
    assert collect(store, dry_run=False).removed == ()
    assert collect(store, now=datetime.now(UTC) + DEFAULT_GRACE - timedelta(hours=1)).removed == ()
    old = time.time() - DEFAULT_GRACE.total_seconds() - 60
    os.utime(store.objects.blob_path(blob), (old, old))
    assert collect(store).removed == (blob,)
    # Who stores it again wants it: it is young again.
    store.objects.put(kit.edits(edits[0]))
    assert collect(store).removed == ()


def test_the_trash_keeps_for_as_long_again(store: Store, kit: Kit, edits: list[Edit]) -> None:
    blob = store.objects.put(kit.edits(edits[0]))
    whole = store.objects.blob_path(blob).read_bytes()
    old = time.time() - DEFAULT_GRACE.total_seconds() - 60
    os.utime(store.objects.blob_path(blob), (old, old))
    assert collect(store, dry_run=False).removed == (blob,)
    kept = store.root / "trash" / f"{blob}.safetensors"
    assert not store.objects.has(blob) and kept.read_bytes() == whole
    collect(store, dry_run=False)
    assert kept.exists()
    os.utime(kept, (old, old))
    collect(store, dry_run=False)
    assert not kept.exists()


def test_what_a_kept_blob_needs_is_kept(store: Store, kit: Kit, edits: list[Edit]) -> None:
    first = Blob("delta", {"mask": kit.mask().id, "edits": []}, {"values": Array("F32", (500,), bytes(range(250)) * 8)})
    second = Blob(
        "delta", {"mask": kit.mask().id, "edits": ["2"]}, {"values": Array("F32", (500,), bytes(range(1, 251)) * 8)}
    )
    book = Blob("code_book", {"parts": [{"of": second.id}], "other": "f" * 64})
    for blob, delta_base in ((kit.mask(), None), (first, None), (second, first.id), (book, None)):
        store.objects.put(blob, delta_base=delta_base)
    assert store.objects.header(second.id).references == {first.id}
    tip = store.resolve("HEAD")
    with store.transaction(tip) as transaction:
        transaction.land(kit.commit(tip, edits=book.id), action="commit")
    assert collect(store, grace=NONE, dry_run=False, now=LATER).removed == ()
    assert store.objects.get(second.id) == second


def test_a_damaged_history_is_not_collected(store: Store, kit: Kit, edits: list[Edit]) -> None:
    tip = kit.write(store, edits[0])
    lost = kit.empty(store, minute=9)
    path = store.objects.commit_path(tip)
    whole = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(b"{}")
    with pytest.raises(CorruptObject, match="nothing was collected") as caught:
        collect(store, grace=NONE, dry_run=False)
    assert "fsck" in caught.value.hint
    path.write_bytes(whole)
    records = store.objects.commit(tip).edits or ""
    store.objects.blob_path(records).unlink()
    with pytest.raises(MissingObject, match="nothing was collected"):
        collect(store, grace=NONE, dry_run=False)
    assert store.objects.has_commit(lost)


def test_no_collection_beside_a_writer(store: Store, tmp_path: object) -> None:
    with store.lock.hold("a commit"), pytest.raises(StoreBusy, match="a commit"):
        collect(Store.open(store.root, lock_timeout=0.05), dry_run=False)


def test_unfinished_files_of_the_dead_go(store: Store) -> None:
    old, young = store.root / "objects" / ".tmp-1-2", store.root / "objects" / ".tmp-3-4"
    for path in (old, young):
        path.touch()
    os.utime(old, (time.time() - 7200,) * 2)
    collect(store, dry_run=False)
    assert not old.exists() and young.exists()


def test_what_lands_while_the_history_is_walked_is_kept(
    store: Store, kit: Kit, edits: list[Edit], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The walk holds no lock: writers don't wait for it, and what they land is looked at afterwards."""
    kit.write(store, edits[0], minute=1)
    garbage = store.objects.put(kit.edits(edits[5]))
    landed: list[str] = []
    mark = Marks.mark

    def marking(self: Marks, marked: Store) -> None:
        mark(self, marked)
        if not landed:
            writer = Store.open(store.root, lock_timeout=0.0)
            landed.append(kit.write(writer, edits[1], minute=2))

    monkeypatch.setattr(Marks, "mark", marking)
    assert collect(store, grace=NONE, dry_run=False).removed == (garbage,)
    assert store.resolve("HEAD") == landed[0] and fsck(store).ok


class _Died(BaseException):
    pass


def test_a_collection_that_dies_anywhere_leaves_nothing_that_needs_what_is_gone(
    store: Store, kit: Kit, edits: list[Edit], tmp_path: Path
) -> None:
    root = store.resolve("HEAD")
    for number in range(5):
        kit.write(store, edits[number], minute=number + 1)
    store.refs.update("HEAD", store.resolve("HEAD"), root, "reset")
    for log in (store.root / "logs").rglob("*.jsonl"):
        log.unlink()
    store.refs.logs.append(RefMove("refs/heads/main", None, root, "2026-01-01T00:00:00Z", "init"))
    store.refs.logs.append(RefMove("HEAD", None, root, "2026-01-01T00:00:00Z", "init"))
    assert fsck(store).ok
    for step in range(200):
        copy = tmp_path / f"copy{step}"
        shutil.copytree(store.root.parent, copy)
        left = [step]

        def fault(name: str, left: list[int] = left) -> None:
            left[0] -= name.startswith("trash")
            if left[0] < 0:
                raise _Died

        try:
            collect(Store.open(copy, fault=fault), grace=NONE, dry_run=False, now=LATER)
        except _Died:
            assert fsck(Store.open(copy)).problems == (), step
        else:
            assert step >= 15
            return
    pytest.fail("it never ends")
