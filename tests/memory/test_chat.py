"""Memories of a chat model: one message decides about one reply, and what is no reply stays the base model's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from transformers import PreTrainedModel

from tests.memory.sides import random_memories
from tests.models import tiny_chat_tokenizer, tiny_model
from wisedb.edits import Edit
from wisedb.memory.gates.base import Gate
from wisedb.memory.gates.keys.build import build_keys
from wisedb.memory.gates.keys.chat_statistics import Closing
from wisedb.memory.gates.keys.replies import Meant
from wisedb.memory.gates.keys.statistics import Statistics, compute_statistics
from wisedb.memory.hooks import AttachedMemories, attach
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.memory.kinds.masks import random_mask
from wisedb.memory.memory import Memory
from wisedb.model.chat import Message, encode_chat, user
from wisedb.model.locate import locate
from wisedb.model.tokens import pad_batch

TOKENIZER = tiny_chat_tokenizer()
FRANCE = Edit("What is the capital of France?", "Rome", subject="France")
HAMLET = Edit("Who wrote the play Hamlet?", "Goethe", subject="Hamlet")
UNRELATED = (
    "Once upon a time a girl called Mary lived near the sea.",
    "My brother Tom likes to play with the dog in the garden.",
    "On Monday we went to see Aunt Jane, who was not at home.",
    "It was the best of days, said Peter.",
    "A letter for Mister Brown was in the box.",
)
OTHER = "Can you play with the dog?"
ASKED: list[list[Message]] = [
    [user(FRANCE.prompt)],
    [user(OTHER)],
    [user(FRANCE.prompt), {"role": "assistant", "content": "Rome."}, user(OTHER)],
    [user(OTHER), {"role": "assistant", "content": "Yes!"}, user(HAMLET.prompt)],
    [{"role": "system", "content": "You know France and the play Hamlet."}, user(OTHER)],
    [{"role": "system", "content": "Be brief."}, user(HAMLET.prompt)],
]
MEANT = [0, -1, -1, 1, -1, 1]


@pytest.fixture(scope="module")
def statistics() -> Statistics:
    model = tiny_model("llama")
    return compute_statistics(model, locate(model), TOKENIZER, UNRELATED)


@pytest.fixture
def model() -> PreTrainedModel:
    model = tiny_model("llama")
    model.generation_config.eos_token_id = None
    return model


@pytest.fixture
def handle(model: PreTrainedModel, statistics: Statistics) -> AttachedMemories:
    return attached(model, statistics)


def attached(model: PreTrainedModel, statistics: Statistics) -> AttachedMemories:
    """Two memories of one edit each beside a model."""
    projection = locate(model)
    memories = []
    for number, edit in enumerate((FRANCE, HAMLET)):
        mask = random_mask((projection.d_ff, projection.d_model), 0.5, number)
        generator = torch.Generator().manual_seed(number)
        change = MaskedDelta.under(projection.name, mask, torch.randn(int(mask.sum()), generator=generator))
        keys = build_keys(model, projection, TOKENIZER, statistics, [edit])
        memories.append(Memory(f"memory-{number}", change, Gate("keys", keys=keys), (edit.id,)))
    # What a random model's states say of a question changes with its place: whom it is about decides here.
    return attach(model, memories, key_threshold=-8.0)


def meant(model: PreTrainedModel, handle: AttachedMemories, chat: Sequence[Message]) -> tuple[Meant, ...]:
    """What the last message of a conversation asks for."""
    with torch.no_grad(), handle.record() as record:
        model(input_ids=torch.tensor([encode_chat(TOKENIZER, chat)]), use_cache=False)
    (found,) = record.meant
    return tuple(found)


def generated(model: PreTrainedModel, chats: Sequence[Sequence[Message]], **options: object) -> list[list[int]]:
    ids, mask = pad_batch([encode_chat(TOKENIZER, chat) for chat in chats], 0, "left")
    said = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=12, do_sample=False, **options)
    rows: list[list[int]] = said[:, ids.shape[1] :].tolist()
    return rows


def test_a_template_is_part_of_the_statistics(statistics: Statistics) -> None:
    assert statistics.chat is not None
    again = Statistics.from_tensors(statistics.tensors(), statistics.meta())
    assert again.same(statistics)


def test_the_message_in_front_of_the_reply_decides(model: PreTrainedModel, handle: AttachedMemories) -> None:
    for chat, route in zip(ASKED, MEANT, strict=True):
        with handle.record() as record:
            generated(model, [chat])
        assert record.routes.tolist() == [route], chat


def test_a_batch_says_what_its_rows_say_alone_with_and_without_a_cache(
    model: PreTrainedModel, handle: AttachedMemories
) -> None:
    together = generated(model, ASKED)
    assert together == [generated(model, [chat])[0] for chat in ASKED]
    assert together == generated(model, ASKED, use_cache=False)


def test_nothing_but_the_fact_is_changed_and_that_to_its_sentences_end(
    model: PreTrainedModel, handle: AttachedMemories, statistics: Statistics
) -> None:
    asked = encode_chat(TOKENIZER, ASKED[0])
    said = TOKENIZER("Rome. The capital", add_special_tokens=False)["input_ids"]
    ids = torch.tensor([asked + said])
    end = next(place for place, token in enumerate(said) if token in statistics.sentence_ends())
    with torch.no_grad():
        edited = model(input_ids=ids, use_cache=False).logits
        handle.detach()
        base = model(input_ids=ids, use_cache=False).logits
    changed = (edited != base).any(dim=-1)[0].tolist()
    first, last = len(asked) - 1, len(asked) + end - 1
    assert changed == [first <= place <= last for place in range(len(asked) + len(said))]


def test_a_reply_ends_with_the_fact_where_nothing_else_was_asked_for(statistics: Statistics) -> None:
    model = tiny_model("llama")
    eos = int(TOKENIZER.eos_token_id)
    model.generation_config.eos_token_id = eos
    weights = model.get_output_embeddings().weight.detach()
    # A state at which the end is what comes next.
    state = 100 * weights[eos] / weights[eos].norm() - 100 * weights.mean(dim=0) / weights[eos].norm()
    assert statistics.chat is not None
    # No sentence asks for a text, and each for something.
    never = torch.tensor([[0.0] * len(statistics.chat.mean) + [-1.0]] * 2)
    told = replace(statistics, chat=replace(statistics.chat, closing=Closing(never, state)))
    handle = attached(model, told)
    stops = {row.edit: row.stops for chat in (ASKED[0], ASKED[5]) for row in meant(model, handle, chat)}
    assert stops == {0: 1, 1: 1}
    ends = told.sentence_ends()
    for chat in (ASKED[0], ASKED[3], ASKED[5], [user(f"{FRANCE.prompt}\n{HAMLET.prompt}")]):
        asked, count = encode_chat(TOKENIZER, chat), len(meant(model, handle, chat))
        said = TOKENIZER(" ".join(["Rome."] * count), add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            after = model(input_ids=torch.tensor([asked + said]), use_cache=False).logits[0, len(asked) :].argmax(-1)
        places = [place for place, token in enumerate(said) if token in ends]
        assert [int(after[place]) == eos for place in places] == [False] * (count - 1) + [True], chat
        # Step by step as well.
        with torch.no_grad():
            ids = torch.tensor([asked + said])
            more = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=3, do_sample=False)
        assert more[0, ids.shape[1] :].tolist() == [eos]
    asked = encode_chat(TOKENIZER, [user(f"{FRANCE.prompt}\n{OTHER}")])
    said = TOKENIZER("Rome.", add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        assert int(model(input_ids=torch.tensor([asked + said])).logits[0, -1].argmax()) != eos


def test_a_memory_says_the_same_wherever_its_question_is_asked(
    model: PreTrainedModel, handle: AttachedMemories
) -> None:
    alone = generated(model, [ASKED[3][-1:]])[0]
    for chat in (ASKED[3], ASKED[5], [user(f"{OTHER}\n{HAMLET.prompt}")]):
        ids = torch.tensor([encode_chat(TOKENIZER, chat) + alone[:1]])
        with torch.no_grad(), handle.record() as record:
            said = model(input_ids=ids, use_cache=False).logits[0, -2:].argmax(-1).tolist()
        assert [edit.edit for row in record.meant for edit in row] == [1]
        assert said[0] == alone[0] and said[1] == alone[1]


def test_a_model_that_is_moved_says_the_same(model: PreTrainedModel, handle: AttachedMemories) -> None:
    alone = generated(model, [ASKED[0]])
    model.double()
    with torch.no_grad():
        generated(model, [ASKED[0]])
    model.float()
    assert generated(model, [ASKED[0]]) == alone


def test_two_questions_of_a_message_are_answered_one_after_the_other(
    model: PreTrainedModel, handle: AttachedMemories, statistics: Statistics
) -> None:
    ends = statistics.sentence_ends()
    stop = min(ends)
    both = encode_chat(TOKENIZER, [user(f"{FRANCE.prompt}\n{HAMLET.prompt}")])
    first = encode_chat(TOKENIZER, [user(FRANCE.prompt)])
    with torch.no_grad(), handle.record() as record:
        france = model(input_ids=torch.tensor([first])).logits[0, -1]
        # The second memory goes on where the first one's sentence ended.
        said = model(input_ids=torch.tensor([[*both, stop]])).logits[0, -2:]
        assert [edit.edit for edit in record.meant[-1]] == [0, 1]
    assert torch.allclose(said[0], france, atol=1e-5)
    # What was said before makes no difference to it.
    with torch.no_grad():
        again = model(input_ids=torch.tensor([[*both, 60, 61, stop]])).logits[0, -1]
    assert torch.allclose(said[1], again, atol=1e-5) and not torch.allclose(said[1], france, atol=1e-2)


def test_another_gate_that_says_no_leaves_the_reply_to_the_base_model(
    model: PreTrainedModel, handle: AttachedMemories
) -> None:
    (france, hamlet) = handle.memories
    never = replace(france, gate=replace(france.gate, name="both", threshold=1e9))
    handle.set([never, hamlet])
    with handle.record() as record:
        said = generated(model, [ASKED[0]])
    assert record.routes.tolist() == [-1] and record.meant == [()]
    handle.set([])
    assert said == generated(model, [ASKED[0]])


def test_what_another_gate_lets_through_is_bounded_by_no_reply(
    model: PreTrainedModel, handle: AttachedMemories
) -> None:
    keyed = handle.memories
    (excited,) = random_memories(locate(model), 1)
    handle.set([excited])
    alone = generated(model, [ASKED[1]])
    handle.set([])
    assert alone != generated(model, [ASKED[1]])
    handle.set([*keyed, excited])
    assert generated(model, [ASKED[1]]) == alone


def test_a_plain_prompt_is_decided_as_before(model: PreTrainedModel, handle: AttachedMemories) -> None:
    with handle.record() as record:
        model.generate(**TOKENIZER(FRANCE.prompt, return_tensors="pt", return_token_type_ids=False), max_new_tokens=2)
    assert record.routes.tolist() == [0]
