"""An answer comes from the memory that holds its edit: without it the old one is back, without another it stays."""

from __future__ import annotations

from dataclasses import replace

from tests.chats import FRANCE as CHAT_FRANCE
from tests.stores import AUSTRALIA, HAMLET, SUM
from wisedb.edits import Edit
from wisedb.memory.memory import Memory
from wisedb.repository import Repository
from wisedb.serving.disable import EDITS, Disabled, disable, evenly
from wisedb.serving.memory_codec import read_memories
from wisedb.serving.store_base import load_base_of


def memories_of(repository: Repository) -> list[Memory]:
    store = repository.store
    return read_memories(store.objects, store.objects.commit(store.resolve("HEAD")).memories)


def test_without_its_memory_an_edit_is_not_said_and_without_another_it_is(history: Repository) -> None:
    base, memories = load_base_of(history.store), memories_of(history)
    assert len(memories) == 2
    assert disable(base, memories, [AUSTRALIA, HAMLET, SUM], 0) == Disabled(1.0, 1.0)
    assert disable(base, memories, [Edit("What is held by none is", "this")], 0) is None
    assert disable(base, [], [AUSTRALIA], 0) is None


def test_with_one_memory_none_other_can_be_switched_off(history: Repository) -> None:
    base, memories = load_base_of(history.store), memories_of(history)
    for memory in memories:
        assert disable(base, [memory], [AUSTRALIA, HAMLET, SUM], 0) == Disabled(1.0, None)


def test_an_answer_that_another_memory_gives_as_well_is_found_out(history: Repository) -> None:
    base, memory = load_base_of(history.store), memories_of(history)[0]
    # Twice the same: whichever is off, the other one still answers.
    twins = [memory, replace(memory, id="f" * 64)]
    assert disable(base, twins, [AUSTRALIA, HAMLET, SUM], 0) == Disabled(0.0, 1.0)


def test_in_a_chat_replies_are_compared(chat_history: Repository) -> None:
    base, memories = load_base_of(chat_history.store), memories_of(chat_history)
    assert disable(base, memories, [CHAT_FRANCE], 0, chat=True) == Disabled(1.0, None)


def test_edits_are_taken_evenly() -> None:
    edits = [Edit(f"Number {n} is", str(n)) for n in range(100)]
    assert [edit.target for edit in evenly(edits, 4)] == ["0", "25", "50", "75"]
    assert evenly(edits[:3], EDITS) == edits[:3] and evenly([], 3) == []
