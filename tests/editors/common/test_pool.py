"""The pool: seeded, distinct, usable whatever the model writes."""

from __future__ import annotations

import pytest
import torch

from tests.models import tiny_model, tiny_tokenizer
from wisedb.editors.common.pool import Pool, make_pool
from wisedb.edits import normalise_prompt
from wisedb.errors import UsageError
from wisedb.model.tokens import encode_prompt


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_junk_models_write_enough_different_prompts(family: str) -> None:
    tokenizer = tiny_tokenizer()
    pool = make_pool(tiny_model(family), tokenizer, 3, 40, 10)
    assert len({normalise_prompt(prompt) for prompt in pool.prompts}) == len(pool.prompts) == 40
    assert len(set(pool.contexts)) == len(pool.contexts) == 10
    assert all(context.endswith(".") and len(context.split()) >= 2 for context in pool.contexts)
    assert all(encode_prompt(tokenizer, prompt) for prompt in pool.prompts)


def test_a_model_that_always_says_the_same_gets_its_prompts() -> None:
    model = tiny_model("llama")
    with torch.no_grad():
        model.get_output_embeddings().weight.zero_()
        model.get_output_embeddings().weight[40] = 1.0
    assert len(make_pool(model, tiny_tokenizer(), 0, 30, 5).prompts) == 30


def test_the_seed_decides_and_the_random_state_is_left_alone() -> None:
    model, tokenizer = tiny_model("llama"), tiny_tokenizer()
    torch.manual_seed(1)
    first = make_pool(model, tokenizer, 3, 10, 3)
    after = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(after, torch.rand(1))
    assert make_pool(model, tokenizer, 3, 10, 3) == first
    assert make_pool(model, tokenizer, 4, 10, 3).prompts != first.prompts


def test_own_prompts_take_the_place_of_generated_ones() -> None:
    own = ["Who are you?", "The sky is"]
    pool = make_pool(tiny_model("llama"), tiny_tokenizer(), 0, 40, 4, prompts=own)
    assert pool.prompts == tuple(own)
    assert len(pool.contexts) == 4
    assert pool.generator["by"] == "user"
    with pytest.raises(UsageError):
        make_pool(tiny_model("llama"), tiny_tokenizer(), 0, prompts=["  "])


def test_a_tokenizer_without_special_tokens_will_do() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.bos_token = tokenizer.eos_token = tokenizer.pad_token = None
    assert len(make_pool(tiny_model("llama"), tokenizer, 0, 10, 2).prompts) == 10


def test_meta_comes_back() -> None:
    pool = Pool(("a b",), ("c d.",), {"by": "user", "seed": 1})
    assert Pool.from_meta(pool.to_meta()) == pool
