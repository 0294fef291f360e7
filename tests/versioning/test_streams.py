"""What memories hold, edit by edit, in either format, and how far an earlier version of one can be taken over."""

from __future__ import annotations

import pytest

from tests.stores import AUSTRALIA, HAMLET, SUM
from wisedb.config import EditorChoice
from wisedb.editors.streams import StreamItem, effective
from wisedb.edits import Edit
from wisedb.repository import Repository
from wisedb.store.memory_entry import MemoryEntry
from wisedb.versioning.streams import (
    Start,
    alike,
    before,
    changes,
    find_start,
    in_force_at,
    pick_start,
    read_streams,
    stream_ids,
)


def test_format_1_has_other_names_for_the_same() -> None:
    now = {"stream": [{"edit": "a", "companions": ["b"], "batch": 3}, {"edit": "c"}]}
    then = {"stream": [{"edit": "a", "replay": ["b"], "lesson": 3}, {"edit": "c"}]}
    assert stream_ids(now) == stream_ids(then) == (("a", ("b",), 3), ("c", (), None))


def test_what_came_into_force_and_what_went_out() -> None:
    assert changes("abc", "cdb") == (("d",), ("a",))
    assert changes("", "") == ((), ())
    assert changes("aab", "bba") == ((), ())


def test_memories_are_told_apart_by_the_always_on_ones_before_them() -> None:
    def memory(gate: str, main: str) -> MemoryEntry:
        return MemoryEntry("m", "masked_delta", gate, EditorChoice("keyed"), ("w",), main, {"delta": main})

    gated, one, other = memory("keys", "a" * 64), memory("always", "b" * 64), memory("always", "c" * 64)
    assert before([]) == before([gated]) == ""
    assert before([one]) == before([gated, one]) != before([other])
    assert before([one, other]) != before([other, one])


def test_settings_seed_and_pool_tell_editors_apart_and_what_they_derived_does_not() -> None:
    choice = EditorChoice("keyed", {"steps": 3}, seed=1)
    assert alike(choice, EditorChoice("keyed", {"steps": 3}, seed=1, resources={"covariance:w": "a" * 64}))
    pool = {"pool": "a" * 64}
    for name, steps, seed, resources in (
        ("keyed", 4, 1, {}),
        ("wise", 3, 1, {}),
        ("keyed", 3, 2, {}),
        ("keyed", 3, 1, pool),
    ):
        other = EditorChoice(name, {"steps": steps}, seed, resources)
        assert not alike(choice, other)


def test_streams_are_read_with_their_records(history: Repository) -> None:
    store = history.store
    head = store.objects.commit(store.resolve("HEAD"))
    first, second = read_streams(store, head, head.choice)
    assert [item.edit for item in first.held.stream] == [AUSTRALIA, HAMLET]
    assert [item.edit for item in second.held.stream] == [SUM]
    assert {owned.owner.name for owned in (first, second)} == {"keyed"}
    assert set(in_force_at(store, head)) == {AUSTRALIA.id, HAMLET.id, SUM.id}
    assert read_streams(store, None) == [] and in_force_at(store, None) == ()


@pytest.mark.parametrize(
    ("edits", "items"), [((AUSTRALIA, HAMLET), 2), ((AUSTRALIA, HAMLET, SUM), 2), ((AUSTRALIA,), 1), ((HAMLET,), None)]
)
def test_the_longest_version_that_is_a_beginning_is_gone_on_from(
    history: Repository, edits: tuple[Edit, ...], items: int | None
) -> None:
    store = history.store
    first, _ = read_streams(store, history.log()[0].record)
    held = {item.edit: item for item in first.held.stream}
    memory_id = history.show().memories[0].id
    stream = [held[edit] if edit in held else StreamItem(edit) for edit in edits]
    assert effective(stream)
    start = find_start(store, [store.resolve("HEAD")], memory_id, stream, "")
    assert (None if start is None else start.items) == items
    # Beside another always-on memory it would have been trained otherwise.
    assert find_start(store, [store.resolve("HEAD")], memory_id, stream, "another") is None
    assert find_start(store, [store.resolve("HEAD")], memory_id, [], "") is None


def test_a_memory_is_gone_on_from_without_some_of_its_edits_where_the_others_begin_the_stream() -> None:
    entry = MemoryEntry("m", "low_rank_rows", "keys", EditorChoice("recall"), ("w",), "a" * 64, {"rows": "a" * 64})
    meta = {"before": "", "edits": [AUSTRALIA.id, HAMLET.id]}

    def picked(*edits: Edit, before: str = "") -> Start | None:
        return pick_start(entry, meta, [StreamItem(edit) for edit in edits], before)

    assert picked(HAMLET) == Start(entry, 1, (1,))
    assert picked(AUSTRALIA, HAMLET, SUM) == Start(entry, 2, (0, 1))
    assert picked(HAMLET, SUM) == Start(entry, 1, (1,))
    assert picked(SUM) is None and picked(SUM, HAMLET) is None and picked(HAMLET, AUSTRALIA) is None
    assert picked(HAMLET, before="other") is None
