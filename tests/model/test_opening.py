"""What texts begin with is read once, and what stands behind it is what a plain forward holds of it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.models import FAMILIES, LAYERS, tiny_model, tiny_tokenizer
from wisedb.model.capture import capture
from wisedb.model.locate import locate
from wisedb.model.opening import Opening, read_opening
from wisedb.model.tokens import encode_prompt

# Longer than the windows of those families that look back only so far.
START = encode_prompt(tiny_tokenizer(), "The capital of Australia is Canberra. Who wrote the play Hamlet? <end of it>")
BEHIND = [encode_prompt(tiny_tokenizer(), text) for text in ("And France, of all the countries?", "Who", "12 +")]
TEXTS = [[*START, *behind] for behind in BEHIND]
CLOSE: dict[str, Any] = {"rtol": 1e-3, "atol": 1e-4}


@pytest.mark.parametrize("family", FAMILIES)
def test_what_stands_behind_is_what_a_plain_forward_holds(family: str) -> None:
    model = tiny_model(family)
    projection = locate(model)
    opening = read_opening(model, projection, START, LAYERS - 1)
    whole = list(capture(model, projection, LAYERS - 1, TEXTS))
    found = list(capture(model, projection, LAYERS - 1, TEXTS, opening=opening))
    for plain, seen in zip(whole, found, strict=True):
        torch.testing.assert_close(seen.states, plain.states[len(START) :], **CLOSE)
        assert torch.equal(seen.tokens, plain.tokens[len(START) :])


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma3_text", "qwen3"])
def test_only_what_stands_behind_is_run(family: str) -> None:
    model = tiny_model(family)
    projection = locate(model)
    opening = read_opening(model, projection, START, 1)
    assert opening.states is not None and opening.opens(TEXTS[0])
    seen: list[int] = []
    projection.blocks[0].register_forward_hook(lambda _module, args, _output: seen.append(args[0].shape[1]))
    list(capture(model, projection, 1, TEXTS, opening=opening))
    assert seen == [max(map(len, BEHIND))]


def test_a_text_is_the_same_to_the_bit_whatever_was_run_behind_the_opening_before() -> None:
    model = tiny_model("llama")
    projection = locate(model)
    opening = read_opening(model, projection, START, 2)
    (first,) = capture(model, projection, 2, TEXTS[:1], opening=opening)
    list(capture(model, projection, 2, TEXTS[1:], opening=opening))
    (again,) = capture(model, projection, 2, TEXTS[:1], opening=opening)
    assert torch.equal(first.states, again.states)


def test_a_text_that_begins_otherwise_is_run_as_a_whole() -> None:
    model = tiny_model("llama")
    projection = locate(model)
    opening = read_opening(model, projection, START, 2)
    other = [START[0] + 1, *TEXTS[0][1:]]
    assert not opening.opens(other) and not opening.opens(START)
    (seen,) = capture(model, projection, 2, [other], opening=opening)
    (plain,) = capture(model, projection, 2, [other])
    assert torch.equal(seen.states, plain.states[len(START) :])


@pytest.mark.parametrize(("ids", "blocks"), [((), 2), (START, 0)])
def test_without_tokens_or_blocks_there_is_nothing_to_read(ids: tuple[int, ...], blocks: int) -> None:
    model = tiny_model("llama")
    assert read_opening(model, locate(model), ids, blocks).states is None


def test_a_model_that_forgets_its_cache_is_run_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama")
    projection = locate(model)
    empty = Opening.cache
    monkeypatch.setattr(Opening, "cache", lambda self, rows: _wrong(empty(self, rows)))
    assert read_opening(model, projection, START, 2).states is None


def _wrong(cache: Any) -> Any:
    for layer in cache.layers:
        layer.values = torch.zeros_like(layer.values)
    return cache
