"""Texts over which what is usual in a model is counted: the store's prompts, and how the model goes on from them."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

import torch

from wisedb.model.tokens import encode_prompt, pad_batch

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

TOKENS_PER_DIMENSION = 8
"""How many tokens a second moment wants for each of its dimensions."""

_ROUNDS = 16
_TOKENS = 48
_BATCH = 64


def reference_texts(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    wanted: int,
    *,
    seed: int = 0,
) -> list[list[int]]:
    """The prompts as token ids; where those are fewer than ``wanted``, each with the model's own continuation.

    Continuations are drawn at temperature 1 from all tokens, 48 of them at most, round by round over all prompts and
    each time anew, until there are enough tokens or 16 rounds are over. They stop at the model's end token.

    Args:
        model: a causal language model in evaluation mode, without memories.
        tokenizer: its tokenizer.
        prompts: unrelated prompts; those without a token don't count.
        wanted: tokens, :data:`TOKENS_PER_DIMENSION` · d_ff for a second moment.
        seed: same seed, model, machine: same texts.
    """
    encoded = [ids for prompt in prompts if (ids := encode_prompt(tokenizer, prompt))]
    if not encoded or sum(map(len, encoded)) >= wanted:
        return encoded
    chooser = Random(seed)
    texts: list[list[int]] = []
    for _ in range(_ROUNDS):
        for start in range(0, len(encoded), _BATCH):
            texts += continue_sampling(model, tokenizer, encoded[start : start + _BATCH], chooser.getrandbits(31))
        if sum(map(len, texts)) >= wanted:
            break
    return texts


def continue_sampling(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[list[int]],
    seed: int,
    tokens: int = _TOKENS,
) -> list[list[int]]:
    """Prompts with their continuations as token ids, drawn at temperature 1 from all tokens, up to the end token.

    Args:
        model: a causal language model in evaluation mode, without memories.
        tokenizer: its tokenizer.
        prompts: token ids, one at least of each; they are continued in one batch.
        seed: same seed, model, machine: same continuations.
        tokens: how many tokens a continuation has at most.
    """
    end = tokenizer.eos_token_id
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else (end or 0)
    ids, mask = pad_batch(prompts, int(pad), "left")
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), torch.inference_mode():
        torch.manual_seed(seed)
        said = model.generate(
            input_ids=ids.to(model.device),
            attention_mask=mask.to(model.device),
            do_sample=True,
            temperature=1.0,
            top_k=0,
            top_p=1.0,
            num_beams=1,
            max_new_tokens=tokens,
            pad_token_id=int(pad),
        )
    return [[*prompt, *_until(row, end)] for prompt, row in zip(prompts, said[:, ids.shape[1] :].tolist(), strict=True)]


def _until(ids: list[int], end: int | None) -> list[int]:
    return ids[: ids.index(end)] if end in ids else ids
