"""What a model holds of a text is what it holds of the text alone, however many are run together."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
import torch
from torch import nn

from tests.models import LAYERS, tiny_model, tiny_tokenizer
from wisedb.errors import UnsupportedModel
from wisedb.model.capture import block_input, capture, embedding_of
from wisedb.model.locate import locate
from wisedb.model.tokens import encode_prompt

TEXTS = ("The capital of France is", "Who", "12 + 30 =")
IDS = [encode_prompt(tiny_tokenizer(), text) for text in TEXTS]
CLOSE: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-5}


@pytest.mark.parametrize("family", ["llama", "gpt2", "bloom"])
@pytest.mark.parametrize("together", [1, 2, 64])
def test_it_is_what_a_plain_forward_holds(family: str, together: int) -> None:
    model = tiny_model(family)
    layer = LAYERS - 1
    found = list(capture(model, locate(model), layer, IDS, predictions=True, together=together))
    assert len(found) == len(IDS)
    for ids, seen in zip(IDS, found, strict=True):
        with torch.no_grad():
            plain = model(input_ids=torch.tensor([ids]), output_hidden_states=True)
        torch.testing.assert_close(seen.states, plain.hidden_states[layer][0], **CLOSE)
        assert seen.prediction is not None
        torch.testing.assert_close(seen.prediction, plain.logits[0, -1].softmax(-1), **CLOSE)
        assert torch.equal(seen.tokens, embedding_of(model)(torch.tensor(ids)))


def test_the_states_of_several_blocks_stand_side_by_side() -> None:
    model = tiny_model("llama")
    projection = locate(model)
    apart = zip(*(capture(model, projection, layer, IDS) for layer in (0, LAYERS - 1)), strict=True)
    for both, (low, high) in zip(capture(model, projection, (0, LAYERS - 1), IDS), apart, strict=True):
        assert torch.equal(both.states, torch.cat([low.states, high.states], dim=-1))
        assert torch.equal(both.tokens, high.tokens)


def test_no_hook_is_left_even_where_a_text_is_never_taken() -> None:
    model = tiny_model("llama")
    texts = capture(model, locate(model), 1, IDS, together=1)
    assert isinstance(texts, Generator) and next(texts).prediction is None
    assert any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    texts.close()
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_states_are_found_however_a_block_is_called() -> None:
    states = torch.ones(1, 2, 3)
    assert block_input((states,), {}) is block_input((), {"hidden_states": states}) is states


def test_a_model_without_an_embedding_module_is_refused() -> None:
    with pytest.raises(UnsupportedModel, match="Linear has no embedding module") as caught:
        embedding_of(nn.Linear(2, 2))
    assert caught.value.hint


def test_blocks_above_are_not_run_where_no_prediction_is_wanted() -> None:
    model = tiny_model("llama")
    projection = locate(model)
    seen: list[int] = []
    for number, block in enumerate(projection.blocks):
        block.register_forward_hook(lambda *_, number=number: seen.append(number))
    list(capture(model, projection, 1, IDS))
    assert seen == [0]
    list(capture(model, projection, 1, IDS, predictions=True))
    assert seen == [0, *range(LAYERS)]
