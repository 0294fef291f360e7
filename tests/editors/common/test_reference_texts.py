"""Reference texts are the prompts, and the model's own continuations where those are few."""

from __future__ import annotations

from tests.models import tiny_model, tiny_tokenizer
from wisedb.editors.common.reference_texts import reference_texts
from wisedb.model.tokens import encode_prompt

_PROMPTS = ["The capital of France", "Who wrote", ""]


def test_enough_prompts_are_taken_as_they_are() -> None:
    tokenizer = tiny_tokenizer()
    found = reference_texts(tiny_model("llama"), tokenizer, _PROMPTS, 3)
    assert found == [encode_prompt(tokenizer, prompt) for prompt in _PROMPTS[:2]]


def test_few_prompts_are_continued_until_there_are_enough_tokens() -> None:
    model, tokenizer = tiny_model("gpt2"), tiny_tokenizer()
    found = reference_texts(model, tokenizer, _PROMPTS, 150, seed=1)
    assert sum(map(len, found)) >= 150 and len(found) % 2 == 0
    starts = [encode_prompt(tokenizer, prompt) for prompt in _PROMPTS[:2]]
    for number, ids in enumerate(found):
        assert ids[: len(starts[number % 2])] == starts[number % 2]
        assert tokenizer.eos_token_id not in ids
    assert found == reference_texts(model, tokenizer, _PROMPTS, 150, seed=1)
    assert found != reference_texts(model, tokenizer, _PROMPTS, 150, seed=2)


def test_nothing_comes_of_no_prompts() -> None:
    assert reference_texts(tiny_model("llama"), tiny_tokenizer(), [""], 10) == []
