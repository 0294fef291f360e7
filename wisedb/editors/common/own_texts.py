"""What a model says of its own accord: the text over which a change that is always on must leave it as it was."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from wisedb.editors.common.reference_texts import continue_sampling
from wisedb.edits import normalise_prompt
from wisedb.model.chat import chat_format, encode_question, user
from wisedb.model.tokens import encode_prompt

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from wisedb.editors.common.pool import Pool

_BATCH = 256
_TOKENS = 24


def own_texts(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, pool: Pool, count: int, seed: int
) -> list[tuple[list[int], int]]:
    """Texts that a model writes by itself, drawn at temperature 1 from all tokens, of 24 tokens at most.

    A chat model replies to the pool's messages; another begins with the token that begins a text, or, where there is
    none, goes on from the pool's prompts. Texts that begin like a prompt which only measures are left out.

    Args:
        model: a causal language model in evaluation mode, without memories.
        tokenizer: its tokenizer.
        pool: unrelated prompts, and those that only measure.
        count: how many texts are drawn; fewer come out where some are left out, or say nothing.
        seed: same seed, model, machine: same texts.

    Returns:
        Each text's token ids, and how many of them it began with.
    """
    chooser = Random(seed)
    starts = _starts(tokenizer, pool)
    measuring = tuple(normalise_prompt(prompt) for prompt in pool.held_out)
    texts: list[tuple[list[int], int]] = []
    for first in range(0, count if starts else 0, _BATCH):
        some = [starts[number % len(starts)] for number in range(first, min(first + _BATCH, count))]
        drawn = continue_sampling(model, tokenizer, some, chooser.getrandbits(31), _TOKENS)
        texts += [(text, len(start)) for text, start in zip(drawn, some, strict=True) if len(text) > len(start)]
    return [
        (ids, start)
        for ids, start in texts
        if not normalise_prompt(str(tokenizer.decode(ids, skip_special_tokens=True))).startswith(measuring)
    ]


def _starts(tokenizer: PreTrainedTokenizerBase, pool: Pool) -> Sequence[list[int]]:
    frame = chat_format(tokenizer)
    if frame is not None:
        return [encode_question(tokenizer, [user(text)], frame.opening, frame.thinking) for text in pool.prompts]
    begin = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    if begin is not None:
        return [[int(begin)]]
    return [ids for text in pool.prompts if (ids := encode_prompt(tokenizer, text))]
