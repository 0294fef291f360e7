"""The questions that edits were learned with."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.memory.test_chat import FRANCE, HAMLET, TOKENIZER, UNRELATED
from tests.models import tiny_model, tiny_tokenizer
from wisedb.edits import ChatMessage
from wisedb.errors import CorruptObject
from wisedb.memory.gates.base import KeyFormat
from wisedb.memory.gates.keys.build import build_keys
from wisedb.memory.gates.keys.edit_keys import EditKeys
from wisedb.memory.gates.keys.questions import questions_of
from wisedb.memory.gates.keys.statistics import compute_statistics
from wisedb.model.chat import encode_chat
from wisedb.model.locate import locate


@pytest.mark.parametrize("rephrases", [False, True])
def test_each_edit_is_asked_as_in_a_message_of_a_chat(rephrases: bool) -> None:
    model = tiny_model("llama")
    statistics = compute_statistics(model, locate(model), TOKENIZER, UNRELATED)
    ring = build_keys(model, locate(model), TOKENIZER, statistics, [HAMLET, FRANCE], rephrases=rephrases)
    found = questions_of([None, ring], [3, 2])
    wanted = [TOKENIZER(edit.prompt, add_special_tokens=False)["input_ids"] for edit in (HAMLET, FRANCE)]
    assert {edit: list(asked.ids) for edit, asked in found.items()} == {3: wanted[0], 4: wanted[1]}
    assert [TOKENIZER.decode(found[edit].subject).strip() for edit in (3, 4)] == ["Hamlet", "France"]


def test_plain_prompts_are_no_questions() -> None:
    model = tiny_model("llama")
    statistics = compute_statistics(model, locate(model), tiny_tokenizer(), UNRELATED)
    ring = build_keys(model, locate(model), tiny_tokenizer(), statistics, [HAMLET])
    assert questions_of([ring], [1]) == {}


def test_what_ends_a_conversation_is_asked_behind_it_and_meant_as_if_it_stood_by_itself() -> None:
    model = tiny_model("llama")
    statistics = compute_statistics(model, locate(model), TOKENIZER, UNRELATED)
    told = replace(FRANCE, messages=(ChatMessage("system", "Be brief."),))
    plain, ring = (
        build_keys(model, locate(model), TOKENIZER, statistics, [HAMLET, edit], format="chat")
        for edit in (FRANCE, told)
    )
    assert set(ring.tensors()) - set(plain.tensors()) == {"conversations", "conversation_lengths"}
    assert all(torch.equal(tensor, ring.tensors()[name]) for name, tensor in plain.tensors().items())
    again = EditKeys.joined([(EditKeys.from_tensors(ring.tensors(), statistics), (1, 0)), (plain, (2, 3))])
    found = questions_of([again], [4])
    assert list(found[0].conversation) == encode_chat(TOKENIZER, told.conversation)
    assert [found[edit].conversation for edit in (1, 2, 3)] == [()] * 3 and found[0].ids == found[3].ids
    with pytest.raises(CorruptObject):
        replace(ring, conversations=ring.conversations[1:])
    with pytest.raises(CorruptObject):
        replace(ring, stops=torch.zeros_like(ring.stops))


@pytest.mark.parametrize(("format", "kinds"), [("raw", [0, 0]), ("chat", [1, 1]), ("both", [0, 1, 0, 1])])
def test_keys_are_made_of_the_prompts_that_were_learned(format: KeyFormat, kinds: list[int]) -> None:
    model = tiny_model("llama")
    statistics = compute_statistics(model, locate(model), TOKENIZER, UNRELATED)
    ring = build_keys(model, locate(model), TOKENIZER, statistics, [HAMLET, FRANCE], format=format)
    assert (ring.stops[ring.typed == 0] > 0).int().tolist() == kinds
    plain = compute_statistics(model, locate(model), tiny_tokenizer(), UNRELATED)
    assert len(build_keys(model, locate(model), tiny_tokenizer(), plain, [HAMLET], format="chat")) == 0
