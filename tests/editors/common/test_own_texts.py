"""What a model says of its own accord."""

from __future__ import annotations

from tests.models import BOS, EOS, tiny_model, tiny_tokenizer
from wisedb.editors.common.own_texts import own_texts
from wisedb.editors.common.pool import Pool
from wisedb.edits import normalise_prompt

POOL = Pool(("The play", "A capital of"), (), {})


def test_texts_come_from_the_seed_and_begin_as_texts_do() -> None:
    model, tokenizer = tiny_model("llama"), tiny_tokenizer()
    found = own_texts(model, tokenizer, POOL, 20, 3)
    assert found == own_texts(model, tokenizer, POOL, 20, 3) != own_texts(model, tokenizer, POOL, 20, 4)
    assert 0 < len(found) <= 20
    assert all(ids[0] == BOS and start == 1 < len(ids) <= 25 and EOS not in ids for ids, start in found)


def test_without_a_token_that_begins_a_text_the_pool_does() -> None:
    model, tokenizer = tiny_model("llama"), tiny_tokenizer()
    tokenizer.bos_token = tokenizer.eos_token = None
    starts = [tokenizer(prompt)["input_ids"] for prompt in POOL.prompts]
    found = own_texts(model, tokenizer, POOL, 6, 0)
    assert found and all(ids[:start] in starts for ids, start in found)
    assert own_texts(model, tokenizer, Pool((), (), {}), 6, 0) == []


def test_what_only_measures_is_in_none_of_them() -> None:
    model, tokenizer = tiny_model("llama"), tiny_tokenizer()
    found = own_texts(model, tokenizer, POOL, 20, 3)
    begun = normalise_prompt(tokenizer.decode(found[0][0], skip_special_tokens=True))[:3]
    fewer = own_texts(model, tokenizer, Pool(POOL.prompts, (), {}, (begun,)), 20, 3)
    assert (
        fewer
        == [
            each
            for each in found
            if not normalise_prompt(tokenizer.decode(each[0], skip_special_tokens=True)).startswith(begun)
        ]
        != found
    )
