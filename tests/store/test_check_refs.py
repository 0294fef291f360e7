"""A ref that anybody else moved or deleted is found by its log, and a log by its ref; both are mended by each other."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.store.conftest import Kit
from wisedb.canonical import canonical_json
from wisedb.edits import Edit
from wisedb.store.fsck import fsck
from wisedb.store.repair import repair
from wisedb.store.store import Store

MAIN, SIDE, TAG, THERE = "refs/heads/main", "refs/heads/side", "refs/tags/v1", "refs/remotes/origin/main"


@pytest.fixture
def full(store: Store, kit: Kit, edits: list[Edit]) -> Store:
    """Several refs that have moved more than once."""
    for number in range(3):
        kit.write(store, edits[number], minute=number + 1)
    for ref in (SIDE, TAG, THERE):
        store.refs.create(ref, store.resolve("HEAD~3"), "made")
        store.refs.update(ref, store.resolve("HEAD~3"), store.resolve("HEAD~2"), "moved")
    assert fsck(store).ok
    return store


def refs(store: Store) -> dict[str, str | None]:
    return {**dict(store.refs.items()), "HEAD": store.refs.head().commit, "on": store.refs.head().branch}


def swap(root: Path) -> None:
    one, other = (root / MAIN).read_text(), (root / SIDE).read_text()
    (root / MAIN).write_text(other)
    (root / SIDE).write_text(one)


def write(name: str, data: bytes) -> Callable[[Path], None]:
    def harm(root: Path) -> None:
        (root / name).write_bytes(data)

    return harm


def zero(name: str) -> Callable[[Path], None]:
    def harm(root: Path) -> None:
        (root / name).write_bytes(bytes((root / name).stat().st_size))

    return harm


def lose(name: str) -> Callable[[Path], None]:
    def harm(root: Path) -> None:
        (root / name).unlink()

    return harm


def cut_line(name: str) -> Callable[[Path], None]:
    def harm(root: Path) -> None:
        (root / name).write_bytes(b"".join((root / name).read_bytes().splitlines(keepends=True)[:-1]))

    return harm


def other_word(name: str) -> Callable[[Path], None]:
    """What still is canonical JSON of the right form."""

    def harm(root: Path) -> None:
        lines = (root / name).read_bytes().splitlines(keepends=True)
        changed = lines[0].replace(b"20", b"19", 1)
        assert changed != lines[0]
        (root / name).write_bytes(b"".join([changed, *lines[1:]]))

    return harm


def folder_for(name: str) -> Callable[[Path], None]:
    def harm(root: Path) -> None:
        (root / name).unlink()
        (root / name).mkdir()

    return harm


REFS = {
    "swapped": swap,
    **{f"{ref} deleted": lose(ref) for ref in (MAIN, SIDE, TAG, THERE)},
    **{f"{ref} emptied": write(ref, b"") for ref in (MAIN, SIDE, TAG, THERE)},
    **{f"{ref} zeroed": zero(ref) for ref in (MAIN, SIDE, TAG, THERE)},
    f"{SIDE} a folder": folder_for(SIDE),
    "HEAD zeroed": zero("HEAD"),
    "HEAD emptied": write("HEAD", b""),
    "HEAD on nothing": write("HEAD", b"ref: refs/heads/nothing\n"),
    "HEAD gone": lose("HEAD"),
}
LOGS = {
    **{
        f"{log} {name}": harm(f"logs/{log}.jsonl")
        for log in (MAIN, SIDE, TAG, THERE, "HEAD")
        for name, harm in (("zeroed", zero), ("deleted", lose), ("cut", cut_line), ("changed", other_word))
        if not (log == "HEAD" and name == "cut")
    },
    "emptied": write(f"logs/{MAIN}.jsonl", b""),
    "rubbish": write(f"logs/{SIDE}.jsonl", b"\xff\xfe rubbish\n"),
    "a folder": folder_for(f"logs/{SIDE}.jsonl"),
    "all of them": lambda root: shutil.rmtree(root / "logs"),
}


@pytest.mark.parametrize("harm", REFS.values(), ids=REFS)
def test_a_damaged_ref_is_found_and_mended_by_its_log(full: Store, harm: Callable[[Path], None]) -> None:
    truth = refs(full)
    harm(full.root)
    problems = fsck(Store(full.root)).problems
    assert {problem.kind for problem in problems} & {"corrupt-ref", "corrupt-reflog"}, problems
    done = repair(Store(full.root))
    assert done.report.ok, done.report.problems
    assert refs(Store(full.root)) == truth
    assert not repair(Store(full.root)).repaired


@pytest.mark.parametrize("harm", LOGS.values(), ids=LOGS)
def test_a_damaged_log_is_found_and_mended_by_its_ref(full: Store, harm: Callable[[Path], None]) -> None:
    truth = refs(full)
    harm(full.root)
    found = {problem.kind for problem in fsck(Store(full.root)).problems}
    assert found & {"corrupt-ref", "corrupt-reflog", "unreadable"}
    done = repair(Store(full.root))
    assert done.report.ok, done.report.problems
    assert refs(Store(full.root)) == truth


def test_a_log_that_is_damaged_in_the_middle_keeps_its_other_lines(full: Store) -> None:
    log = full.root / f"logs/{MAIN}.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    spoilt = b"".join([lines[0], b"rubbish\n", *lines[2:]])
    log.write_bytes(spoilt)
    assert repair(Store(full.root)).report.ok
    assert log.read_bytes() == b"".join([lines[0], *lines[2:]])
    assert spoilt in {path.read_bytes() for path in (full.root / "trash").iterdir()}


def test_a_swapped_ref_that_is_set_back_stays_in_the_log(full: Store) -> None:
    before = full.resolve("HEAD")
    swap(full.root)
    repair(Store(full.root))
    assert before in {move.from_ for move in Store(full.root).refs.reflog(SIDE)}


def test_lines_without_a_checksum_stay_readable(full: Store) -> None:
    """As earlier versions wrote them."""
    for log in (full.root / "logs").rglob("*.jsonl"):
        lines = []
        for line in log.read_bytes().splitlines():
            record = json.loads(line)
            assert len(record.pop("sum")) == 16
            lines.append(canonical_json(record) + b"\n")
        log.write_bytes(b"".join(lines))
    assert fsck(Store(full.root)).ok
    assert Store(full.root).refs.reflog(MAIN)
    full.refs.update(MAIN, full.resolve("HEAD"), full.resolve("HEAD~1"), "reset")
    assert fsck(Store(full.root)).ok


class _Died(BaseException):
    pass


@pytest.mark.parametrize("name", ["other", "side/deep", "si"])
def test_a_rename_that_dies_at_any_step_leaves_nothing_to_mend(full: Store, name: str) -> None:
    truth = full.resolve("side")
    for step in range(200):
        copy = full.root.parent.parent / f"copy{step}"
        shutil.copytree(full.root.parent, copy)
        left = [step]

        def fault(_: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise _Died

        dying = Store.open(copy, fault=fault)
        try:
            dying.refs.rename_branch("side", name)
        except _Died:
            after = Store.open(copy)
            assert fsck(after).problems == (), step
            moves = [move.to for ref in (SIDE, f"refs/heads/{name}") for move in after.refs.logs.lines(ref)]
            assert truth in moves
        else:
            assert step > 5
            return
    pytest.fail("it never ends")
