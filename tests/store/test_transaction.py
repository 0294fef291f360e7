"""Writers that meet: one lands, the other is told, and nothing is lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.store.conftest import Kit
from tests.store.entries import memory_entry
from wisedb.edits import Edit
from wisedb.errors import MissingObject, RefMoved, StoreBusy
from wisedb.store.fsck import fsck
from wisedb.store.store import Store


def in_child(action: Callable[[], int]) -> int:
    """A process that exits with what ``action`` returns."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(action())
        except BaseException:  # noqa: BLE001 - a forked child must never return into the test runner
            os._exit(99)
    return child


def exit_code(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_two_that_began_at_one_commit(store: Store, kit: Kit, edits: list[Edit]) -> None:
    tip = store.resolve("HEAD")
    go, tell = os.pipe()

    def write(number: int) -> int:
        own = Store.open(store.root)
        os.read(go, 1)
        try:
            with own.transaction(tip) as transaction:
                records = transaction.put(kit.edits(edits[number]))
                commit = kit.commit(tip, edits=records, added=(edits[number].id,), message=str(number))
                transaction.land(commit, action="commit")
        except (RefMoved, StoreBusy) as error:
            return 7 if "main" in error.message or isinstance(error, StoreBusy) else 8
        return 0

    children = [in_child(lambda number=number: write(number)) for number in (0, 1)]  # type: ignore[misc]
    os.write(tell, b"!!")
    assert sorted(exit_code(child) for child in children) == [0, 7]
    landed = store.objects.commit(store.resolve("HEAD"))
    assert landed.parents == (tip,)
    assert fsck(store).problems == ()
    assert len(store.refs.reflog()) == 2


def test_many_that_try_again(store: Store, kit: Kit) -> None:
    def write(writer: int) -> int:
        for number in range(5):
            while True:
                try:
                    kit.write(Store.open(store.root, lock_timeout=60), kit.edit(10 * writer + number))
                    break
                except RefMoved:
                    continue
        return 0

    children = [in_child(lambda writer=writer: write(writer)) for writer in range(3)]  # type: ignore[misc]
    assert [exit_code(child) for child in children] == [0, 0, 0]
    told = [store.objects.commit(store.resolve(f"HEAD~{back}")).message for back in range(16)]
    assert len(told) == 16 and told[-1] == "init"
    added = {edit for back in range(15) for edit in store.objects.commit(store.resolve(f"HEAD~{back}")).added}
    assert added == {kit.edit(10 * writer + number).id for writer in range(3) for number in range(5)}
    assert fsck(store).problems == ()
    assert len(store.refs.reflog()) == 16


def test_a_moved_branch_is_named_before_anything_is_written(store: Store, kit: Kit, edits: list[Edit]) -> None:
    tip = store.resolve("HEAD")
    kit.write(store, edits[0])
    before = list(store.objects.ids())
    with pytest.raises(RefMoved, match="branch 'main' moved") as caught, store.transaction(tip) as transaction:
        transaction.put(kit.edits(edits[1]))
    assert caught.value.hint and list(store.objects.ids()) == before


def test_a_head_that_switched_meanwhile_is_not_followed(store: Store, kit: Kit) -> None:
    tip, ref = store.resolve("HEAD"), store.refs.head().ref
    store.refs.create("refs/heads/other", tip, "branch")
    store.refs.set_head("refs/heads/other", "switch")
    with store.transaction(tip, ref=ref) as transaction:
        landed = transaction.land(kit.commit(tip), action="commit")
    assert store.refs.branches() == {"main": landed, "other": tip}


def test_a_detached_head_moves_alone(store: Store, kit: Kit) -> None:
    tip = store.resolve("HEAD")
    store.refs.set_head(tip, "checkout")
    with store.transaction(tip) as transaction:
        landed = transaction.land(kit.commit(tip), action="commit")
    assert store.refs.head().commit == landed and store.refs.branches() == {"main": tip}


def test_a_commit_that_names_what_is_not_there_does_not_land(store: Store, kit: Kit) -> None:
    tip = store.resolve("HEAD")
    lost = "a" * 64
    for commit in (
        kit.commit(lost),
        kit.commit(tip, edits=lost),
        kit.commit(tip, memories=(memory_entry(lost, lost),)),
    ):
        with pytest.raises(MissingObject), store.transaction(tip) as transaction:
            transaction.land(commit, action="commit")
    assert store.resolve("HEAD") == tip


def test_an_error_inside_frees_the_store_and_lands_nothing(store: Store, kit: Kit, edits: list[Edit]) -> None:
    tip = store.resolve("HEAD")
    with pytest.raises(KeyError), store.transaction(tip) as transaction:
        transaction.put(kit.edits(edits[0]))
        raise KeyError
    assert store.resolve("HEAD") == tip
    kit.write(Store.open(store.root, lock_timeout=0.1), edits[0])


def test_an_index_that_fails_takes_no_commit_back(
    store: Store, kit: Kit, edits: list[Edit], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []

    def note(commit_id: str) -> None:
        heard.append(commit_id)
        raise RuntimeError("broken")

    monkeypatch.setattr(store.index, "note_commit", note)
    store.staging.add(edits[:2])
    landed = kit.write(store, edits[0])
    assert heard == [landed] == [store.resolve("HEAD")]
    assert store.staging.edits() == edits[1:2]


def test_several_commits_in_one_transaction(store: Store, kit: Kit) -> None:
    tip = store.resolve("HEAD")
    with store.transaction(tip) as transaction:
        one = transaction.land(kit.commit(tip, message="one"), action="commit: one")
        two = transaction.land(kit.commit(one, message="two"), action="commit: two")
        written = transaction.bytes_written
    assert [store.resolve(text) for text in ("HEAD", "@{1}", "@{2}")] == [two, one, tip]
    assert written == store.objects.size(one) + store.objects.size(two)


def test_bytes_written_counts_new_files_only(store: Store, kit: Kit, edits: list[Edit], tmp_path: Path) -> None:
    blob = kit.edits(edits[0])
    store.objects.put(blob)
    with store.transaction(store.resolve("HEAD")) as transaction:
        transaction.put(blob)
        assert transaction.bytes_written == 0
        new = transaction.put(kit.edits(edits[1]))
        assert transaction.bytes_written == store.objects.blob_path(new).stat().st_size
