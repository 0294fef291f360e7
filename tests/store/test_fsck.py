"""fsck finds whatever was done to a store, changes nothing and never raises."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.store.conftest import Kit
from tests.store.entries import CHOICE, memory_entry
from wisedb.canonical import canonical_json, digest
from wisedb.edits import Edit
from wisedb.progress import Progress
from wisedb.serving.memory_codec import read_memory
from wisedb.store.blobs import Array, Blob
from wisedb.store.fsck import fsck
from wisedb.store.memory_entry import MemoryEntry
from wisedb.store.store import Store


@pytest.fixture
def full(store: Store, kit: Kit, edits: list[Edit]) -> Store:
    """A store with something of everything."""
    for number in range(3):
        kit.write(store, edits[number], minute=number + 1)
    store.refs.create("refs/tags/v1", store.resolve("HEAD~1"), "tag")
    store.staging.add(edits[4:6])
    store.scores.put(store.resolve("HEAD"), "in-force", {"reliability": 1.0})
    return store


def kinds(store: Store) -> set[str]:
    return {problem.kind for problem in fsck(store).problems}


def test_a_sound_store(full: Store) -> None:
    before = {path: path.read_bytes() for path in full.root.rglob("*") if path.is_file()}
    heard: list[Progress] = []
    report = fsck(full, progress=heard.append)
    assert report.to_json() == {"ok": True, "problems": [], "objects": 4 + 1 + 3 + 1 + 3, "promised": 0}
    assert [(item.done, item.total) for item in heard] == [(n, 12) for n in range(1, 13)]
    assert {path: path.read_bytes() for path in full.root.rglob("*") if path.is_file()} == before


def test_every_flipped_byte_of_every_object_is_found(full: Store) -> None:
    for path in sorted((full.root / "objects").rglob("*.*")):
        whole = path.read_bytes()
        path.chmod(0o644)
        object_id = path.parent.name + path.stem
        for place in range(0, len(whole), 37):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
            problems = fsck(full).problems
            assert object_id in {problem.object for problem in problems}
            assert all("\n" not in problem.detail for problem in problems)
        path.write_bytes(whole)
    assert fsck(full).ok


def test_every_lost_object_is_found(full: Store) -> None:
    for path in sorted((full.root / "objects").rglob("*.*")):
        whole = path.read_bytes()
        path.unlink()
        assert path.parent.name + path.stem in {
            problem.object for problem in fsck(full).problems if problem.kind == "missing-object"
        }
        path.write_bytes(whole)
    assert fsck(full).ok


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("HEAD", "rubbish", "corrupt-ref"),
        ("HEAD", "ref: refs/heads/none\n", "corrupt-ref"),
        ("HEAD", "a" * 64 + "\n", "missing-object"),
        ("refs/heads/main", "rubbish", "corrupt-ref"),
        ("refs/tags/v1", "a" * 64 + "\n", "missing-object"),
        ("refs/tags/with space", "a" * 64 + "\n", "stray-file"),
        ("logs/HEAD.jsonl", "rubbish\n", "corrupt-reflog"),
        ("logs/refs/heads/main.jsonl", "{}\n", "corrupt-reflog"),
        ("staged.jsonl", "{}\n", "corrupt-staging"),
        ("config.toml", "[", "corrupt-config"),
        ("config.toml", "format = 99", "format-too-new"),
        ("objects/README", "hello", "stray-file"),
        ("objects/ab/cdef.json", "{}", "stray-file"),
        ("objects/ab/" + "c" * 62 + ".pkl", "", "stray-file"),
        ("objects/ab/" + "c" * 62 + ".json", "{}", "corrupt-object"),
        ("objects/ab/" + "c" * 62 + ".safetensors", "", "corrupt-object"),
    ],
)
def test_damage(full: Store, name: str, content: str, kind: str) -> None:
    path = full.root / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    assert kind in kinds(Store(full.root))


def test_a_damaged_score(full: Store) -> None:
    next((full.root / "scores").rglob("*.json")).write_text("{}")
    assert kinds(full) == {"corrupt-scores"}


def test_unfinished_files_and_claims_are_no_problem(full: Store) -> None:
    for name in ("objects/aa/.tmp-1-2", "refs/heads/.tmp-1-2", "refs/heads/main.lock", "logs/.tmp-3-4"):
        (full.root / name).parent.mkdir(exist_ok=True)
        (full.root / name).write_text("half")
    assert fsck(full).ok


def blob_problems(store: Store, blob: Blob) -> list[str]:
    blob_id = store.objects.put(blob)
    return [problem.detail for problem in fsck(store).problems if problem.object == blob_id]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda kit, edit: Blob("edits", {"edits": ["a" * 64]}, kit.edits(edit).arrays),
        lambda kit, edit: Blob("edits", {}, kit.edits(edit).arrays),
        lambda kit, edit: Blob("edits", {"edits": []}, {"records": Array("U8", (2,), b"{]")}),
        lambda kit, edit: Blob("edits", {"edits": []}, {"records": Array("U8", (4,), b"null")}),
        lambda kit, edit: Blob("edits", {"edits": []}, {}),
    ],
)
def test_sound_bytes_of_unsound_content(
    full: Store, kit: Kit, edits: list[Edit], spoil: Callable[[Kit, Edit], Blob]
) -> None:
    assert blob_problems(full, spoil(kit, edits[0]))


def test_edits_that_no_commit_introduces(full: Store, kit: Kit) -> None:
    """Such a commit has the right hash, and nobody could say what it means."""
    tip = full.resolve("HEAD")
    for commit in (
        kit.commit(tip, minute=9, added=("e" * 64,)),
        kit.commit(tip, minute=9, reverted=("e" * 64,)),
    ):
        full.objects.put_commit(commit)
        (problem,) = fsck(full).problems
        assert (problem.kind, problem.object) == ("missing-object", "e" * 64)
        full.objects.commit_path(commit.id).unlink()
    mask = kit.mask()
    blob = Blob("delta", {"origin": mask.id, "edits": ["e" * 64]}, {"values": Array("F32", (8,), bytes(32))})
    full.objects.put(blob)
    full.objects.put_commit(kit.commit(tip, memories=(memory_entry(mask.id, blob.id),)))
    assert "e" * 64 in {problem.object for problem in fsck(full).problems}


def memory_problems(store: Store, kit: Kit, memory: MemoryEntry) -> set[tuple[str, str]]:
    """What the kinds of memories have to say, as `wisedb fsck` asks them."""
    store.objects.put_commit(kit.commit(memories=(memory,)))
    report = fsck(store, examine=lambda each: read_memory(store.objects, each))
    assert all("\n" not in problem.detail for problem in report.problems)
    return {(problem.kind, problem.object) for problem in report.problems}


def test_memories_that_belong_together(full: Store) -> None:
    examined: list[str] = []
    fsck(full, examine=lambda memory: examined.append(memory.main))
    # Each version once, however many commits carry it on.
    assert len(examined) == len(set(examined)) == 3
    assert fsck(full, examine=lambda memory: read_memory(full.objects, memory)).ok


@pytest.mark.parametrize(
    ("mask", "delta"),
    [
        ({"shape": [4, 7]}, {}),
        ({"entries": 9}, {}),
        ({"shape": [3, 7]}, {}),
        ({"shape": "abc"}, {}),
        ({}, {"origin": None}),
        ({}, {"origin": "../x"}),
        ({}, {"origin": "e" * 64}),
        ({}, {"origin": 7}),
        ({}, {"edits": 7}),
        ({}, {"threshold": "high"}),
        ({}, {"values": Array("F32", (7,), bytes(28))}),
        ({}, {"values": Array("U8", (8,), bytes(8))}),
        ({}, {"values": Array("F32", (8,), b"\x00\x00\xc0\x7f" * 8)}),
        ({}, {"values": None}),
        ({"bits": None}, {}),
    ],
)
def test_sound_bytes_of_an_unsound_memory(
    full: Store, kit: Kit, edits: list[Edit], mask: dict[str, Any], delta: dict[str, Any]
) -> None:
    origin = spoilt(kit.mask(), mask)
    main = spoilt(kit.delta(origin, bytes(32), edits[0]), delta)
    for blob in (origin, main):
        full.objects.put(blob)
    found = memory_problems(full, kit, memory_entry(origin.id, main.id))
    # What is wrong with the meta is the blob's own fault, and the memory can't be read either.
    assert ("corrupt-object", main.id) in found and found <= {("corrupt-object", each.id) for each in (origin, main)}


def spoilt(blob: Blob, changes: dict[str, Any]) -> Blob:
    """The blob with other meta and arrays, without those that are None."""
    arrays = {**blob.arrays, **{name: each for name, each in changes.items() if name in blob.arrays}}
    meta = {**blob.meta, **{name: each for name, each in changes.items() if name not in blob.arrays}}
    return Blob(
        blob.kind,
        {name: each for name, each in meta.items() if each is not None},
        {name: each for name, each in arrays.items() if each is not None},
    )


def test_a_kind_that_a_newer_version_brings(full: Store, kit: Kit, edits: list[Edit]) -> None:
    mask = kit.mask()
    delta = kit.delta(mask, bytes(32), edits[0])
    for blob in (mask, delta):
        full.objects.put(blob)
    newer = replace(memory_entry(mask.id, delta.id), kind="hologram")
    assert memory_problems(full, kit, newer) == {("format-too-new", delta.id)}
    # Names and hashes are checked all the same, and that needs nobody who knows the kind.
    assert fsck(full).ok


def test_the_same_blobs_taken_for_another_kind(full: Store, kit: Kit, edits: list[Edit]) -> None:
    mask = kit.mask()
    delta = kit.delta(mask, bytes(32), edits[0])
    for blob in (mask, delta):
        full.objects.put(blob)
    sound = memory_entry(mask.id, delta.id)
    # Objects are checked in the order of their ids: sound commits come before and behind the one that is not.
    for minute in range(6):
        full.objects.put_commit(kit.commit(minute=minute, memories=(sound,)))
    assert memory_problems(full, kit, replace(sound, kind="hologram")) == {("format-too-new", delta.id)}


def test_an_edit_record_that_breaks_the_schema(full: Store, kit: Kit, edits: list[Edit]) -> None:
    data = canonical_json([{**edits[0].content(), "prompt": 7}])
    assert any("schema" in detail for detail in blob_problems(
        full, Blob("edits", {"edits": [edits[0].id]}, {"records": Array("U8", (len(data),), data)})
    ))  # fmt: skip


def test_a_commit_that_takes_a_blob_for_another_kind(full: Store, kit: Kit, edits: list[Edit]) -> None:
    mask, records = kit.mask(), kit.edits(edits[0])
    full.objects.put_commit(kit.commit(edits=mask.id))
    full.objects.put_commit(kit.commit(memories=(memory_entry(mask.id, records.id),)))
    problems = fsck(full).problems
    assert {(problem.kind, problem.object) for problem in problems} == {
        ("corrupt-object", mask.id),
        ("corrupt-object", records.id),
    }


def test_resources_are_there_and_are_what_they_are_called(full: Store, kit: Kit, edits: list[Edit]) -> None:
    records = full.objects.put(kit.edits(edits[6]))
    measured = full.objects.put(Blob("covariance", {}, {}))
    sound = replace(CHOICE, resources={"covariance:model.layers.3": measured})
    full.objects.put_commit(kit.commit(editor=sound))
    assert fsck(full).ok
    full.objects.put_commit(kit.commit(editor=replace(CHOICE, resources={"pool": records})))
    full.write_config(replace(full.config, editor=replace(CHOICE, resources={"pool": "c" * 64})))
    mask, delta = kit.mask(), kit.delta(kit.mask(), bytes(32))
    full.objects.put(delta)
    owner = replace(CHOICE, resources={"covariance": "d" * 64})
    full.objects.put_commit(kit.commit(memories=(replace(memory_entry(mask.id, delta.id), editor=owner),)))
    assert {(problem.kind, problem.object) for problem in fsck(full).problems} == {
        ("corrupt-object", records),
        ("missing-object", "c" * 64),
        ("missing-object", "d" * 64),
    }


def test_a_commit_that_adds_an_edit_without_a_record(full: Store, kit: Kit, edits: list[Edit]) -> None:
    full.objects.put_commit(kit.commit(added=(edits[7].id,)))
    assert [(problem.kind, problem.object) for problem in fsck(full).problems] == [("missing-object", edits[7].id)]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda record: json.dumps(record).encode(),
        lambda record: canonical_json({**record, "extra": 1}),
        lambda record: canonical_json({**record, "editor": {**record["editor"], "seed": "x"}}),
        lambda record: canonical_json({**record, "base": {**record["base"], "model": None}}),
    ],
)
def test_a_commit_whose_bytes_are_its_own_and_yet_no_commit(
    full: Store, kit: Kit, spoil: Callable[[object], bytes]
) -> None:
    data = spoil(kit.commit(message="spoilt").to_json())
    path = full.objects.commit_path(digest(data))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    assert [(problem.kind, problem.object) for problem in fsck(full).problems] == [("corrupt-object", digest(data))]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_can_not_be_read_is_said(full: Store) -> None:
    path = next((full.root / "objects").rglob("*.json"))
    path.chmod(0)
    assert kinds(full) == {"unreadable"}


def test_a_folder_in_place_of_a_file(full: Store, tmp_path: Path) -> None:
    path = full.objects.commit_path(full.resolve("HEAD"))
    path.unlink()
    path.mkdir()
    assert not fsck(full).ok
