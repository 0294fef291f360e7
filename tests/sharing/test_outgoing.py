"""What is sent for some commits: all that they need, nothing that is there, nothing that is damaged here."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from tests.sharing.conftest import Large
from wisedb.errors import CorruptObject
from wisedb.sharing.manifest import object_path
from wisedb.sharing.outgoing import SMALL, collect, links
from wisedb.store.blobs import Array, Blob
from wisedb.store.commits import Commit
from wisedb.store.objects import Objects
from wisedb.store.store import Store


def line(store: Store) -> list[Commit]:
    """The store's commits, parents first."""
    found = [store.head_commit()[1]]
    while found[0].parents:
        found.insert(0, store.objects.commit(found[0].parents[0]))
    return found


def test_each_commit_has_a_group_with_what_it_brought(store: Store) -> None:
    commits = line(store)
    found = collect(store.objects, [commit.id for commit in commits], ())
    assert [list(group.commits) for group in found.groups] == [[commit.id] for commit in commits]
    assert all(
        group.commits[commit.id] == commit.to_bytes() for group, commit in zip(found.groups, commits, strict=True)
    )
    sent = [blob_id for group in found.groups for blob_id in (*group.blobs, *group.headers)]
    assert sorted(sent) == sorted(store.objects.ids()) and found.blobs == len(sent)
    brought = [set(group.blobs) | set(group.headers) for group in found.groups]
    for number, commit in enumerate(commits):
        assert commit.blobs <= set().union(*brought[: number + 1])
        assert commit.edits is None or commit.edits in brought[number]
    assert found.records == [commit.edits for commit in commits if commit.edits is not None]


def test_large_blobs_travel_as_files_and_small_ones_in_bundles(store: Store) -> None:
    found = collect(store.objects, [commit.id for commit in line(store)], ())
    large = {blob_id for blob_id in store.objects.ids() if store.objects.size(blob_id) > SMALL}
    assert large and {blob_id for group in found.groups for blob_id in group.headers} == large
    headers = {blob_id: store.objects.header(blob_id) for blob_id in large}
    assert found.files == {object_path(headers[blob_id]): store.objects.blob_path(blob_id) for blob_id in large}
    for group in found.groups:
        assert all(data == headers[blob_id].to_bytes() for blob_id, data in group.headers.items())
        assert all(store.objects.blob_path(blob_id).read_bytes() == data for blob_id, data in group.blobs.items())


def test_what_is_there_is_not_sent(store: Store) -> None:
    commits = line(store)
    tip = commits[-1]
    there = collect(store.objects, [commit.id for commit in commits[:-1]], ())
    known = {blob_id for group in there.groups for blob_id in (*group.blobs, *group.headers)}
    found = collect(store.objects, [tip.id], known)
    (group,) = found.groups
    assert set(group.blobs) | set(group.headers) == set(store.objects.ids()) - known
    assert set(group.headers) == {tip.memories[0].main}
    assert collect(store.objects, [], set(store.objects.ids())).groups == []


def test_what_else_is_wanted_comes_last_with_what_it_needs(store: Store, kit: Large) -> None:
    mask = kit.shard(77)
    more = kit.values(mask, 7)
    for blob in (mask, more):
        store.objects.put(blob)
    tip = store.head_commit()[1]
    found = collect(store.objects, [tip.id], (), [more.id])
    last = found.groups[-1]
    assert len(found.groups) == 2 and last.commits == {}
    assert set(last.blobs) | set(last.headers) == {mask.id, more.id}


@pytest.mark.parametrize("large", [True, False])
def test_nothing_damaged_spreads(store: Store, large: bool) -> None:
    commit = store.head_commit()[1]
    blob_id = commit.memories[0].main if large else str(commit.edits)
    path = store.objects.blob_path(blob_id)
    whole = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(CorruptObject, match=f"{blob_id[:12]} is damaged here and can't be sent"):
        collect(store.objects, [commit.id], ())


def test_what_was_only_promised_is_fetched_once_and_together(store: Store) -> None:
    commits = line(store)
    large = [commit.memories[0].main for commit in commits[1:]]
    kept = {blob_id: store.objects.blob_path(blob_id).read_bytes() for blob_id in large}
    for blob_id in large:
        header = store.objects.header(blob_id).to_bytes()
        store.objects.blob_path(blob_id).unlink()
        store.objects.put_header(blob_id, header)
    asked: list[set[str]] = []

    def fetch(blob_ids: Collection[str]) -> None:
        asked.append(set(blob_ids))
        for each in blob_ids:
            store.objects.import_file(each, kept[each])

    store.objects.promise.fetch = fetch
    found = collect(store.objects, [commit.id for commit in commits], ())
    assert asked == [set(large)] and len(found.files) == len(large)


def test_a_blob_is_linked_to_what_its_meta_names(objects: Objects) -> None:
    known, unknown = "a" * 64, "b" * 64
    blob = Blob("pool", {"deep": [{"of": known}, unknown], "text": "x"}, {"bits": Array("U8", (1,), b"a")})
    objects.put(blob)
    assert links(objects.header(blob.id), {known, "c" * 64}) == {known}


@pytest.fixture
def objects(store: Store) -> Objects:
    return store.objects
