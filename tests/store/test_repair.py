"""What is lost or rotten comes back from wherever it still is; what can't be had is named with what depends on it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.store.conftest import Kit
from wisedb.edits import Edit
from wisedb.errors import WisedbError
from wisedb.store import history
from wisedb.store.fsck import fsck
from wisedb.store.gc import collect
from wisedb.store.repair import FolderSource, repair
from wisedb.store.store import Store


@pytest.fixture
def full(store: Store, kit: Kit, edits: list[Edit]) -> Store:
    for number in range(4):
        kit.write(store, edits[number], minute=number + 1)
    return store


@pytest.fixture
def copy(full: Store, tmp_path: Path) -> FolderSource:
    """Another clone."""
    shutil.copytree(full.root, tmp_path / "copy" / ".wisedb")
    return FolderSource("the copy", tmp_path / "copy" / ".wisedb" / "objects")


def objects(store: Store) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(store.objects.folder.rglob("*.*"))}


def spoil(path: Path) -> None:
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def test_a_sound_store_is_left_alone(full: Store, copy: FolderSource) -> None:
    history.facts(full)
    before = {path: path.read_bytes() for path in full.root.rglob("*") if path.is_file()}
    done = repair(full, [copy])
    assert done.report.ok and not done.repaired and not done.lost
    assert {path: path.read_bytes() for path in full.root.rglob("*") if path.is_file()} == before


def test_each_object_comes_back_from_a_copy(full: Store, copy: FolderSource) -> None:
    whole = objects(full)
    for path in sorted(full.objects.folder.rglob("*.*")):
        for harm in (Path.unlink, spoil):
            harm(path)
            done = repair(Store(full.root), [copy])
            assert done.report.ok and not done.lost
            assert (path.parent.name + path.stem, "the copy") in {(each.object, each.source) for each in done.repaired}
            assert objects(full) == whole


def test_all_of_them_come_back_at_once(full: Store, copy: FolderSource) -> None:
    whole, facts = objects(full), history.facts(full)
    for path in full.objects.folder.rglob("*.*"):
        path.unlink()
    done = repair(Store(full.root), [copy])
    assert done.report.ok and objects(full) == whole
    assert history.facts(Store.open(full.root)) == facts


def test_the_trash_is_looked_through_first(full: Store, copy: FolderSource) -> None:
    head = full.resolve("HEAD")
    gone = full.resolve("HEAD~1")
    shutil.rmtree(full.root / "logs")
    full.refs.update("HEAD", head, gone, "reset")
    shutil.rmtree(full.root / "logs")
    for path in full.objects.folder.rglob("*.*"):
        os.utime(path, (0, 0))
    collect(full, dry_run=False)
    assert not full.objects.has_commit(head)
    (full.root / "refs/heads/main").write_text(head + "\n")
    done = repair(Store(full.root), [copy])
    assert done.report.ok
    assert {each.source for each in done.repaired if len(each.object) == 64} == {"the trash"}


def test_a_source_that_is_rotten_too_is_passed_over(full: Store, copy: FolderSource, tmp_path: Path) -> None:
    head = full.resolve("HEAD")
    shutil.copytree(copy.folder, tmp_path / "other")
    spoil(copy.folder / head[:2] / f"{head[2:]}.json")
    spoil(full.objects.commit_path(head))
    done = repair(Store(full.root), [copy, FolderSource("another one", tmp_path / "other")])
    assert done.report.ok and ("another one") in {each.source for each in done.repaired}


def test_what_nobody_has_is_named_with_all_that_needs_it(full: Store, edits: list[Edit]) -> None:
    lost = full.resolve("HEAD~2")
    needing = {full.resolve("HEAD"), full.resolve("HEAD~1")}
    full.objects.commit_path(lost).unlink()
    (found,) = repair(Store(full.root)).lost
    assert found.object == lost and set(found.commits) == needing


def test_lost_records_are_named_with_their_facts(full: Store, edits: list[Edit]) -> None:
    commit = full.objects.commit(full.resolve("HEAD~1"))
    assert commit.edits is not None
    full.objects.blob_path(commit.edits).unlink()
    done = repair(Store(full.root))
    (found,) = done.lost
    assert not done.report.ok
    assert set(found.commits) == {full.resolve("HEAD"), commit.id}
    assert dict(found.facts) == {edits[2].id: None}


def test_a_lost_version_is_named_with_its_facts_and_what_is_stored_as_a_difference_to_it(
    full: Store, edits: list[Edit]
) -> None:
    commit = full.objects.commit(full.resolve("HEAD~1"))
    full.objects.blob_path(commit.memories[0].main).unlink()
    (found,) = repair(Store(full.root)).lost
    following = full.objects.commit(full.resolve("HEAD"))
    rests_on_it = commit.memories[0].main in full.objects.header(following.memories[0].main).references
    assert set(found.commits) == {commit.id, *([following.id] if rests_on_it else [])}
    assert dict(found.facts)[edits[2].id] == edits[2].prompt


def test_a_damaged_index_is_made_anew(full: Store) -> None:
    history.facts(full)
    for path in (full.root / "index").glob("gen-*"):
        path.write_bytes(b"rubbish")
    done = repair(Store(full.root))
    assert [each.object for each in done.repaired] == ["index"] and full.index.status() == "ok"


def test_what_makes_no_sense_is_not_asked_for(full: Store, kit: Kit) -> None:
    """Its hash is right: no other place could have anything better."""
    full.objects.put_commit(kit.commit(full.resolve("HEAD"), added=("e" * 64,)))

    class Asked:
        name = "asked"

        def find(self, wanted):  # type: ignore[no-untyped-def]
            assert all(full.objects.has_commit(each) is False for each in wanted)
            return iter(())

    done = repair(full, [Asked()])
    assert not fsck(full).ok and not done.repaired


def test_a_file_that_may_not_be_read_is_replaced(full: Store, copy: FolderSource) -> None:
    path = full.objects.commit_path(full.resolve("HEAD"))
    path.chmod(0)
    try:
        path.read_bytes()
    except OSError:
        assert repair(Store(full.root), [copy]).report.ok
    else:
        path.chmod(0o444)
        pytest.skip("this user may read everything")


def test_errors_of_a_source_that_must_answer_come_through(full: Store) -> None:
    class Down:
        name = "down"

        def find(self, wanted):  # type: ignore[no-untyped-def]
            raise WisedbError("no network")

    full.objects.commit_path(full.resolve("HEAD")).unlink()
    with pytest.raises(WisedbError, match="no network"):
        repair(Store(full.root), [Down()])
