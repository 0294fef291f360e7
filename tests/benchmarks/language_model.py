"""A tiny model that knows a made-up world in seven languages, trained from nothing in some minutes of one core."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from unicodedata import east_asian_width

import click
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from tests.benchmarks.language_world import Fact, documents, with_fresh_names
from wisedb.model.tokens import pad_batch
from wisedb.model.words import unspaced

_END = "<|endoftext|>"
# Words of any script with the space before them, digits, marks: as the tokenizers of today's models.
_PIECES = r" ?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+|\s+"
_VOCABULARY = 3200
_LONGEST, _LONGEST_WIDE = 5, 2  # signs of a token in scripts without spaces
_TOKENS = 2048  # of a batch
_STEPS = 750
_RATE = 6e-3


def make_tokenizer(world: Sequence[Fact], seed: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE of what is said in all languages, of other things than the world's.

    Its first merges make whole characters, and where a script has no spaces no token is longer than a short word, as in
    a vocabulary of a large corpus: a small one would have bytes of two characters, and whole wordings, as tokens.
    """
    pieces = pre_tokenizers.Split(Regex(_PIECES), "isolated")
    texts = [text for other in range(3) for text in documents(with_fresh_names(world, seed + other), seed + other)]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pieces
    learner.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=_VOCABULARY, show_progress=False))
    learnt = json.loads(learner.to_str())["model"]
    signs = sorted({sign for text in texts for sign in text})
    merges = [merge for sign in signs for merge in _of_bytes(sign)]
    merges += [(_bytes(one), _bytes(other)) for one, other in learnt["merges"] if _short(one + other)]
    merges = list(dict.fromkeys(merges))
    words = dict.fromkeys([_END, *sorted(alphabet), *(one + other for one, other in merges)])
    backend = Tokenizer(models.BPE({word: number for number, word in enumerate(words)}, merges))
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pieces, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    backend.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token=_END,
        eos_token=_END,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def _bytes(text: str) -> str:
    """A text as a byte-level tokenizer spells it."""
    ((spelt, _),) = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(text)
    return spelt


def _short(token: str) -> bool:
    unspaced_signs = [sign for sign in token if unspaced(sign)]
    wide = any(east_asian_width(sign) == "W" for sign in unspaced_signs)
    return not unspaced_signs or len(token) <= (_LONGEST_WIDE if wide else _LONGEST)


def _of_bytes(sign: str) -> list[tuple[str, str]]:
    spelt = _bytes(sign)
    return [(spelt[:at], spelt[at]) for at in range(1, len(spelt))]


def make_model(tokenizer: PreTrainedTokenizerFast, world: Sequence[Fact], seed: int) -> Qwen3ForCausalLM:
    """A model that has read the world's documents some twenty times."""
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=96,
        intermediate_size=288,
        num_hidden_layers=4,
        num_attention_heads=3,
        num_key_value_heads=3,
        head_dim=32,
        max_position_embeddings=256,
        rope_theta=10_000.0,
        tie_word_embeddings=True,
        bos_token_id=None,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = Qwen3ForCausalLM(config)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=_RATE, betas=(0.9, 0.98), weight_decay=0.02)
    rates = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / 60) * min(1.0, (_STEPS - step) / (0.7 * _STEPS))
    )
    summed = 0.0
    for step, (ids, mask) in enumerate(islice(_batches(tokenizer, world, seed), _STEPS), start=1):
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1]
        each = cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
        counted = mask[:, 1:].flatten()
        loss = (each * counted).sum() / counted.sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        rates.step()
        summed += float(loss.detach())
        if step % 50 == 0:
            click.echo(f"step {step} loss {summed / 50:.3f}", err=True)
            summed = 0.0
    model.eval()
    return model


def save_model(world: Sequence[Fact], seed: int, folder: Path) -> None:
    """Make it, and write it as ``from_pretrained`` reads it."""
    tokenizer = make_tokenizer(world, seed)
    make_model(tokenizer, world, seed).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _batches(
    tokenizer: PreTrainedTokenizerFast, world: Sequence[Fact], seed: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Ids and mask (B, T), for ever; documents of like length together."""
    chooser, end, round_ = Random(f"batches/{seed}"), int(tokenizer.eos_token_id), 0
    while True:
        texts = documents(world, 1000 * seed + round_)
        rows = sorted(([*ids, end] for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]), key=len)
        found, some = [], list[list[int]]()
        for row in rows:
            if some and len(row) * (len(some) + 1) > _TOKENS:
                found.append(some)
                some = []
            some.append(row)
        chooser.shuffle(found)
        for some in found:
            yield pad_batch(some, end, "right")
        round_ += 1
