"""Edits of chat models behind the templates that families of models have."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LogitsProcessor, LogitsProcessorList, PreTrainedTokenizerFast
from transformers.utils import chat_template_utils

from tests.chats import FRANCE, HAMLET, OTHER
from tests.commands import run_inside
from tests.models import tiny_model
from tests.stores import SETTINGS
from tests.templates import FAMILIES
from wisedb.errors import CorruptObject, UsageError
from wisedb.memory.gates.keys.chat_statistics import ChatStatistics
from wisedb.memory.gates.keys.replies import last_reply
from wisedb.memory.gates.keys.statistics import Statistics
from wisedb.memory.hooks import AttachedMemories, handle_of
from wisedb.model.chat import ChatFormat, Message, chat_format, encode_chat, encode_question, render, user
from wisedb.repository import Repository
from wisedb.serving.asked import Chat, encode_asked

ANSWERED: list[Message] = [user(OTHER), {"role": "assistant", "content": "No."}]
BRIEF: Message = {"role": "system", "content": "Be brief."}
ALL = pytest.mark.parametrize("family", FAMILIES)


@cache
def tokenizer_of(family: str) -> PreTrainedTokenizerFast:
    return FAMILIES[family].tokenizer()


def frame_of(family: str) -> ChatFormat:
    found = chat_format(tokenizer_of(family))
    assert found is not None
    return found


def statistics_of(frame: ChatFormat) -> ChatStatistics:
    start, header, opening, earlier = (
        torch.tensor(part, dtype=torch.int32) for part in (frame.start, frame.header, frame.opening, (3,))
    )
    nothing = torch.zeros(0, 2, dtype=torch.int32)
    return ChatStatistics(
        (0,), torch.zeros(2), torch.eye(2), start, header, opening, earlier, nothing, frame.digest, frame.thinking
    )


@ALL
def test_the_frame_is_found(family: str) -> None:
    tokenizer, frame = tokenizer_of(family), frame_of(family)
    assert frame.system == FAMILIES[family].system
    assert (frame.thinking is not None) == bool(FAMILIES[family].kept)
    for question in (FRANCE.prompt, "the play", "12?"):
        ids = encode_question(tokenizer, [user(question)], frame.opening, frame.thinking)
        thought = frame.thinking.empty if frame.thinking else ()
        message = ids[len(frame.start) : len(ids) - len(frame.opening) - len(thought)]
        assert ids == [*frame.start, *message, *frame.opening, *thought]
        assert tokenizer.decode(message).strip() == question


def conversations(family: str) -> list[list[Message]]:
    asked = [[user(FRANCE.prompt)], [*ANSWERED, user(FRANCE.prompt)]]
    return asked + ([[BRIEF, *chat] for chat in asked] if FAMILIES[family].system else [])


@ALL
@pytest.mark.parametrize("begun", ["", "Rome", "Rome. It"])
def test_the_message_in_front_of_the_reply_is_found(family: str, begun: str) -> None:
    tokenizer, frame = tokenizer_of(family), frame_of(family)
    for chat in conversations(family):
        asked = encode_chat(tokenizer, chat)
        ids = [*asked, *tokenizer(begun, add_special_tokens=False)["input_ids"]]
        found = last_reply(torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.bool), statistics_of(frame))
        message = tokenizer.decode(torch.tensor(ids)[found.message[0]])
        # A template without a place for it puts a system message in front of the first one.
        told = chat[0] == BRIEF and len(chat) == 2 and family == "gemma"
        assert message.strip() == (f"Be brief.\n\n{FRANCE.prompt}" if told else FRANCE.prompt)
        # A thought that the template begins is the reply's.
        assert tokenizer.decode(ids[int(found.begins[0]) + 1 :]) in (begun, f"<think>\n{begun}")
        before = tokenizer.decode(torch.tensor(ids)[found.before[0]])
        assert (OTHER in before, "No." in before) == ((True, True) if len(chat) > 2 else (False, False))


@ALL
def test_a_reply_that_the_template_goes_on_with_is_found(family: str) -> None:
    tokenizer, frame = tokenizer_of(family), frame_of(family)
    chat = [dict(message) for message in (user(FRANCE.prompt), {"role": "assistant", "content": "Rome. It"})]
    ids = tokenizer.apply_chat_template(chat, continue_final_message=True, return_dict=True)["input_ids"]
    found = last_reply(torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.bool), statistics_of(frame))
    assert tokenizer.decode(torch.tensor(ids)[found.message[0]]).strip() == FRANCE.prompt
    reply = ids[int(found.begins[0]) + 1 :]
    thought = frame.thinking.over(reply) if frame.thinking else 0
    assert thought is not None and tokenizer.decode(reply[thought:]).strip() == "Rome. It"


@pytest.mark.parametrize("family", ["qwen3", "thinking", "phi3"])
def test_a_reply_may_be_asked_for_behind_an_empty_thought(family: str) -> None:
    tokenizer, frame = tokenizer_of(family), frame_of(family)
    asked = encode_asked(tokenizer, FRANCE.prompt, Chat("Be brief.", frame))
    shown = tokenizer.decode(encode_chat(tokenizer, [BRIEF, user(FRANCE.prompt)])).removesuffix("<think>\n")
    assert tokenizer.decode(asked) == shown + ("<think>\n\n</think>\n\n" if frame.thinking else "")
    assert encode_asked(tokenizer, FRANCE.prompt, Chat()) == encode_chat(tokenizer, [user(FRANCE.prompt)])


def test_what_is_learned_does_not_depend_on_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer, frame = tokenizer_of("llama3"), frame_of("llama3")
    asked = encode_question(tokenizer, [user(FRANCE.prompt)], frame.opening, None)
    today = encode_chat(tokenizer, [user(FRANCE.prompt)])

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Later:
            return cls(2031, 5, 1)

    monkeypatch.setattr(chat_template_utils, "datetime", Later)
    assert encode_chat(tokenizer, [user(FRANCE.prompt)]) != today
    assert chat_format(tokenizer) == frame
    assert encode_question(tokenizer, [user(FRANCE.prompt)], frame.opening, None) == asked
    assert "26 Jul 2024" in tokenizer.decode(asked)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """By family, a store that knows two facts; each is made once, and not to be changed."""

    @cache
    def make(family: str) -> Repository:
        folder = tmp_path_factory.mktemp("model")
        tiny_model(FAMILIES[family].architecture).save_pretrained(folder)
        tokenizer_of(family).save_pretrained(folder)
        settings = {**SETTINGS, "steps": 200, "shard_capacity": 8}
        made = Repository.init(tmp_path_factory.mktemp("store"), str(folder), settings=settings)
        made.commit([FRANCE, HAMLET], "Two facts", author="Ada")
        return made

    return make


@ALL
def test_an_edit_is_said_behind_the_template(family: str, told: Any) -> None:
    if family == "thinking":
        pytest.skip("a random model never ends a thought")
    repo = told(family)
    for chat in conversations(family):
        system = str(chat[0]["content"]) if chat[0] == BRIEF else None
        with repo.chat(system=system, max_new_tokens=8) as talk:
            if len(chat) > 2:
                assert talk.say(OTHER).spans == ()
            reply = talk.say(FRANCE.prompt)
        assert [(reply.text[span.start : span.end], span.edit) for span in reply.spans] == [("Rome.", FRANCE.id)]
    if not FAMILIES[family].system:
        with pytest.raises(UsageError, match="takes no system message"):
            repo.generate(FRANCE.prompt, system="Be brief.")


@ALL
def test_an_unrelated_question_is_the_base_models_to_the_bit(family: str, told: Any) -> None:
    repo = told(family)
    edited, tokenizer = repo.load()
    base, _ = repo.load(mode="base")
    ids = torch.tensor([encode_chat(tokenizer, [user(FRANCE.prompt), ANSWERED[1], user(OTHER)])])
    with torch.no_grad():
        assert torch.equal(edited(ids).logits, base(ids).logits)


def attached(model: Any) -> AttachedMemories:
    found = handle_of(model)
    assert found is not None
    return found


THOUGHT = "<think>\nIt is.\n</think>\n\n"


@pytest.mark.parametrize("family", ["qwen3", "thinking"])
@pytest.mark.parametrize("thought", ["<think>\n\n</think>\n\n", THOUGHT])
def test_an_edit_is_said_behind_the_thought(family: str, thought: str, told: Any) -> None:
    repo = told(family)
    edited, tokenizer = repo.load()
    base, _ = repo.load(mode="base")
    (asked,) = tokenizer([render(tokenizer, [user(FRANCE.prompt)]).removesuffix("<think>\n")])["input_ids"]
    behind = [*asked, *tokenizer(thought)["input_ids"]]
    ids = torch.tensor([behind])
    with attached(edited).record() as record:
        found = edited.generate(ids, max_new_tokens=8, do_sample=False)[0].tolist()[len(behind) :]
    assert tokenizer.decode(found).startswith("Rome.")
    ((tokens, places),) = ((tokenizer.decode(found[span.start : span.stop]), span) for _, span in
                           attached(edited).said(record.meant[0], found, behind))  # fmt: skip
    assert tokens == "Rome." and places.start == 0
    # The thought itself is the base model's, to the bit, while it is said and once it was.
    with torch.no_grad():
        said, plain = edited(ids).logits[0], base(ids).logits[0]
        assert torch.equal(said[:-1], plain[:-1]) and not torch.equal(said[-1], plain[-1])
        for count in range(len(asked) + 1, len(behind)):
            assert torch.equal(edited(ids[:, :count]).logits, base(ids[:, :count]).logits)


def test_the_thought_of_a_model_that_thinks_by_itself_is_left_to_it(told: Any) -> None:
    repo = told("qwen3")
    edited, tokenizer = repo.load()
    base, _ = repo.load(mode="base")
    handle = attached(edited)
    (memory,) = handle.memories
    keys = memory.gate.keys
    assert keys is not None and keys.statistics.chat is not None and keys.statistics.chat.thinking is not None
    # A random model doesn't; one that does is another in nothing else.
    assert not keys.statistics.chat.thinking.own
    chat = replace(keys.statistics.chat, thinking=replace(keys.statistics.chat.thinking, own=True))
    known = replace(keys.statistics, chat=chat)
    assert Statistics.from_tensors(known.tensors(), known.meta()).same(known)
    handle.set([replace(memory, gate=replace(memory.gate, keys=replace(keys, statistics=known)))])
    ids = torch.tensor([encode_chat(tokenizer, [user(FRANCE.prompt)])])
    thought = tokenizer(THOUGHT, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        assert torch.equal(edited(ids).logits, base(ids).logits)
    # It thinks in the midst of generate, and answers when it has thought.
    forced = iter([*thought[0].tolist()])

    class Thinks(LogitsProcessor):  # type: ignore[misc]
        def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            token = next(forced, None)
            if token is not None:
                scores = torch.full_like(scores, -torch.inf)
                scores[:, token] = 0.0
            return scores

    found = edited.generate(
        ids, max_new_tokens=thought.shape[1] + 8, do_sample=False, logits_processor=LogitsProcessorList([Thinks()])
    )
    assert tokenizer.decode(found[0, ids.shape[1] :]).startswith(f"{THOUGHT}Rome.")


@pytest.mark.parametrize(
    ("template", "readable"), [(None, None), (FAMILIES["phi3"].template, True), ("{{ messages[-1].content }}", False)]
)
def test_init_says_where_a_template_cannot_be_taken_apart(
    template: str | None, readable: bool | None, tmp_path: Path
) -> None:
    tiny_model("llama").save_pretrained(tmp_path / "model")
    tokenizer = FAMILIES["phi3"].tokenizer()
    tokenizer.chat_template = template
    tokenizer.save_pretrained(tmp_path / "model")
    words = ["--model", "model", "--set", "contexts=0"]
    told = run_inside(["init", "store", *words, "--json"], tmp_path, os.environ)
    assert json.loads(told.stdout)["chat"] is readable
    if readable is False:
        said = run_inside(["init", "other", *words], tmp_path, os.environ)
        assert "Its chat template can't be taken apart" in " ".join(said.stdout.split())


@pytest.mark.parametrize("thinking", [{}, [], {"empty": [1, 2], "end": 2, "own": True}, {"empty": [1], "end": 0}])
def test_a_thought_that_is_none_is_refused(thinking: object, told: Any) -> None:
    (memory,) = attached(told("qwen3").load()[0]).memories
    assert memory.gate.keys is not None
    known = memory.gate.keys.statistics
    with pytest.raises(CorruptObject, match="thought"):
        Statistics.from_tensors(known.tensors(), {**known.meta(), "thinking": thinking})
