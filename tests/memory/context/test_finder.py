"""Which facts a prompt asks for: as the side memories' own router decides, and, where it is unsure, a little below."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from tests.chats import FRANCE, HAMLET, OTHER
from wisedb.memory.context.build import UnsureFacts
from wisedb.memory.context.finder import FactFinder, PromptRow
from wisedb.memory.gates.base import Gate
from wisedb.memory.hooks import AttachedMemories, attach
from wisedb.memory.kinds.facts_in_context import Fact, FactsInContext
from wisedb.model.chat import encode_chat, user
from wisedb.model.tokens import encode_prompt
from wisedb.repository import Repository
from wisedb.serving.memory_codec import read_memories

TEXTS = {edit.id: Fact(edit.prompt, edit.target) for edit in (FRANCE, HAMLET)}


def handle_with(
    repository: Repository, threshold: float, unsure: UnsureFacts | None, *, told: bool
) -> AttachedMemories:
    memories = read_memories(repository.store.objects, repository.store.head_commit()[1].memories)
    if told:
        memories = [
            replace(
                memory,
                change=FactsInContext(
                    memory.modules[0],
                    memory.change.shape(memory.modules[0]),
                    tuple(TEXTS[edit] for edit in memory.edits),
                ),
                gate=Gate("keys", 0.0, memory.gate.keys),
            )
            for memory in memories
        ]
    base = repository.base
    return attach(base.model, memories, key_threshold=threshold, tokenizer=base.tokenizer, unsure=unsure)


@pytest.fixture
def handles() -> Iterator[list[AttachedMemories]]:
    made: list[AttachedMemories] = []
    yield made
    for handle in made:
        handle.detach()


def asked(repository: Repository, prompt: str, chat: bool) -> list[int]:
    tokenizer = repository.base.tokenizer
    return encode_chat(tokenizer, [user(prompt)]) if chat else encode_prompt(tokenizer, prompt)


def finder_of(handle: AttachedMemories) -> FactFinder:
    front = handle._facts.front
    assert front is not None
    return front.finder


@pytest.mark.parametrize("chat", [False, True])
def test_it_decides_as_the_router_does(chat_history: Repository, handles: list[AttachedMemories], chat: bool) -> None:
    rows = [asked(chat_history, prompt, chat) for prompt in (HAMLET.prompt, OTHER, FRANCE.prompt)]
    handles.append(handle_with(chat_history, 0.0, None, told=True))
    found = finder_of(handles[0]).find([PromptRow(tuple(row)) for row in rows])
    assert [row.facts for row in found] == [(1,), (), (0,)] and [row.chat for row in found] == [chat] * 3
    assert handles[0].facts_of(rows) == [(1,), (), (0,)]
    handles.pop().detach()
    handles.append(handle_with(chat_history, 0.0, None, told=False))
    for row, one in zip(rows, found, strict=True):
        with handles[0].record() as record, handles[0].boundary([len(row)]), torch.no_grad():
            chat_history.base.model(torch.tensor([row]))
        torch.testing.assert_close(record.scores["keys"][0], one.scores, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("chat", [False, True])
def test_where_the_router_is_unsure_the_fact_is_told(
    chat_history: Repository, handles: list[AttachedMemories], chat: bool
) -> None:
    row = asked(chat_history, FRANCE.prompt, chat)
    handles.append(handle_with(chat_history, 0.0, UnsureFacts(1.0, TEXTS), told=False))
    (sure,) = finder_of(handles[0]).find([PromptRow(tuple(row))])
    score = float(sure.scores.max())
    assert score > 0 and sure.facts == ()  # the memory answers
    handles.pop().detach()
    for below, facts in ((2.0, (0,)), (0.5, ())):
        handles.append(handle_with(chat_history, score + 1.0, UnsureFacts(below, TEXTS), told=False))
        (unsure,) = finder_of(handles[0]).find([PromptRow(tuple(row))])
        assert unsure.facts == facts
        handles.pop().detach()


def test_an_answer_may_stand_behind_a_prompt_whose_end_is_not_known(
    chat_history: Repository, handles: list[AttachedMemories]
) -> None:
    handles.append(handle_with(chat_history, 0.0, None, told=True))
    both = encode_prompt(chat_history.base.tokenizer, f"{FRANCE.prompt} Rome")
    (found,) = finder_of(handles[0]).find([PromptRow(tuple(both), ends=False)])
    assert found.facts == (0,)


def test_who_is_told_a_memory_gets_the_fact_of_that_one_alone(
    chat_history: Repository, handles: list[AttachedMemories]
) -> None:
    handles.append(handle_with(chat_history, 0.0, None, told=True))
    row = tuple(asked(chat_history, FRANCE.prompt, False))
    found = finder_of(handles[0]).find([PromptRow(row, told=0), PromptRow(row, told=-1)])
    assert [each.facts for each in found] == [(0,), ()]
