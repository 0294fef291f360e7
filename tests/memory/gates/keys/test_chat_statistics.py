"""What is usual behind a chat template, and how a reply ends."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.memory.test_chat import UNRELATED
from tests.models import tiny_chat_tokenizer, tiny_model
from wisedb.errors import CorruptObject
from wisedb.memory.gates.keys.chat_statistics import ChatStatistics, Closing
from wisedb.memory.gates.keys.statistics import Statistics, compute_statistics
from wisedb.model.locate import locate

TOKENIZER = tiny_chat_tokenizer()


def measured(*, ending: bool) -> Statistics:
    """The statistics of a tiny model that ends whatever it says, or nothing."""
    model = tiny_model("llama")
    eos = int(TOKENIZER.eos_token_id)
    model.generation_config.eos_token_id = eos
    head = model.get_output_embeddings().weight
    bias = torch.zeros(head.shape[0])
    bias[eos] = 1e4 if ending else -1e4
    handle = model.get_output_embeddings().register_forward_hook(lambda _module, _args, logits: logits + bias)
    try:
        return compute_statistics(model, locate(model), TOKENIZER, UNRELATED)
    finally:
        handle.remove()


@pytest.fixture(scope="module")
def ending() -> Statistics:
    return measured(ending=True)


def test_how_a_reply_ends_is_known_of_a_model_that_ends_one(ending: Statistics) -> None:
    chat = ending.chat
    assert chat is not None and chat.closing is not None
    width, layers = len(chat.mean), len(chat.layers)
    assert chat.closing.manner.shape == (2, width + 1) and chat.closing.state.shape == (width // 2 // layers,)
    assert bool(torch.isfinite(chat.closing.state).all()) and bool(chat.closing.state.any())
    going_on = measured(ending=False).chat
    assert going_on is not None and going_on.closing is None
    # All else is the same.
    assert torch.equal(going_on.map, chat.map)


def test_it_comes_back_from_a_blob_and_may_be_missing(ending: Statistics) -> None:
    assert Statistics.from_tensors(ending.tensors(), ending.meta()).same(ending)
    assert ending.chat is not None
    before = replace(ending, chat=replace(ending.chat, closing=None))
    again = Statistics.from_tensors(before.tensors(), before.meta())
    assert again.same(before) and again.chat is not None and again.chat.closing is None
    # Half of it is none.
    half = {name: tensor for name, tensor in ending.tensors().items() if name != "chat_closing"}
    with pytest.raises(CorruptObject):
        Statistics.from_tensors(half, ending.meta())


def test_the_layers_that_are_read_come_back_and_stores_from_before_have_one(ending: Statistics) -> None:
    chat = ending.chat
    assert chat is not None and chat.layers == (ending.layer,) and "chat_layers" not in ending.meta()
    two = replace(chat, layers=(0, 1), mean=chat.mean.repeat(2), map=chat.map.repeat(2, 1), closing=None)
    both = replace(ending, chat=two)
    assert both.meta()["chat_layers"] == [0, 1]
    assert Statistics.from_tensors(both.tensors(), both.meta()).same(both)
    for wrong in ([], [1, 0], ["0", "1"], [-1, 1], "01", [0, 1, 2]):
        with pytest.raises(CorruptObject):
            Statistics.from_tensors(both.tensors(), both.meta() | {"chat_layers": wrong})


@pytest.mark.parametrize("part", ["manner", "state"])
def test_parts_that_do_not_belong_together_are_refused(ending: Statistics, part: str) -> None:
    chat = ending.chat
    assert isinstance(chat, ChatStatistics) and chat.closing is not None
    wrong: dict[str, Closing] = {
        "manner": replace(chat.closing, manner=chat.closing.manner[:1]),
        "state": replace(chat.closing, state=chat.closing.state.double()),
    }
    with pytest.raises(CorruptObject):
        replace(chat, closing=wrong[part])
