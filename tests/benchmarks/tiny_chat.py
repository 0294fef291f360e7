"""A tiny chat model that thinks, of another family than SmolLM2 and behind another template, trained from nothing.

    python -m tests.benchmarks.tiny_chat OUT
    wisedb init STORE --model OUT && cd STORE && wisedb commit OUT/edits.jsonl -m Edits
    python -m tests.benchmarks.chat --model OUT --store STORE --cases OUT/cases.json

It is a Qwen3 of some million parameters with a byte-level BPE of its own. It knows a made-up world
(:mod:`tests.benchmarks.tiny_world`) and thinks a few words before it replies. Its template has the structure of
Qwen3's: earlier replies lose their thoughts, and with ``enable_thinking=False`` a reply begins behind an empty one.
Beside the model it writes what it knows (``known.json``), 40 edits, and the cases about them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from random import Random
from typing import Any

import click
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from tests.benchmarks.chat import Speaker, has
from tests.benchmarks.tiny_words import SMALL_TALK
from tests.benchmarks.tiny_world import Fact, Talk, World, as_said, long_requests, make_world
from wisedb.model.chat import Message, render, user

TEMPLATE = (
    "{%- set ns = namespace(last=-1) %}"
    "{%- for message in messages %}{%- if message.role == 'user' %}{%- set ns.last = loop.index0 %}{%- endif %}"
    "{%- endfor %}"
    "{%- for message in messages %}"
    "{%- if message.role == 'assistant' %}"
    "{%- set said = message.content.split('</think>')[-1].lstrip('\\n') %}"
    "{%- set thought = message.thought if message.thought is string else '' %}"
    "{{- '<|im_start|>assistant\\n' }}"
    "{%- if loop.index0 > ns.last %}{{- '<think>\\n' + thought + '\\n</think>\\n\\n' }}{%- endif %}"
    "{{- said + '<|im_end|>\\n' }}"
    "{%- else %}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{%- endif %}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}"
    "{%- endif %}"
)
_SIGNS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_THINKING = ("<think>", "</think>")
# Words, numbers digit by digit, marks with the line ends behind them: as the tokenizers of today's models.
_PIECES = r"'s| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\n]*|\s*\n+|\s+"
_VOCABULARY = 1400
_TOKENS = 1536  # of a batch
_STEPS = (1600, 150)  # on the world alone, then on wider talk
_RATES = (3e-3, 1e-3)
_EDITS = 40


def make_tokenizer(world: World, seed: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE of what is said about the world."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY,
        special_tokens=list(_SIGNS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    talk = Talk(world, seed + 1)
    texts = [message["content"] for _ in range(8_000) for message in talk.conversation()]
    backend.train_from_iterator(texts, trainer)
    # As Qwen3's: tokens of their own that a decoder keeps.
    backend.add_tokens(list(_THINKING))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<|endoftext|>",
        eos_token="<|im_end|>",
        additional_special_tokens=["<|im_start|>"],
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def make_model(tokenizer: PreTrainedTokenizerFast, seed: int) -> Qwen3ForCausalLM:
    """An untrained one."""
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=352,
        num_hidden_layers=5,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=512,
        rope_theta=10_000.0,
        tie_word_embeddings=True,
        bos_token_id=None,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    return Qwen3ForCausalLM(config)


def encoded(tokenizer: PreTrainedTokenizerFast, chat: Sequence[Message], thinks: bool) -> tuple[list[int], list[float]]:
    """A conversation as token ids, and how much the loss at each counts: replies most."""
    last = chat[-1] if thinks else {**chat[-1], "thought": ""}
    asked = render(tokenizer, chat[:-1])
    whole = str(tokenizer.apply_chat_template([*map(dict, chat[:-1]), dict(last)], tokenize=False))
    assert whole.startswith(asked)
    before, reply = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in (asked, whole[len(asked) :]))
    return [*before, *reply], [0.1] * len(before) + [1.0] * len(reply)


def batches(
    tokenizer: PreTrainedTokenizerFast, talk: Talk, seed: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Ids, mask and weights (B, T), for ever; conversations of like length together."""
    chooser = Random(f"batches/{seed}")
    while True:
        some = [encoded(tokenizer, talk.conversation(), chooser.random() < 0.6) for _ in range(512)]
        some.sort(key=lambda each: len(each[0]))
        found, rows = [], list[tuple[list[int], list[float]]]()
        for each in some:
            if rows and len(each[0]) * (len(rows) + 1) > _TOKENS:
                found.append(rows)
                rows = []
            rows.append(each)
        chooser.shuffle(found)
        for rows in found:
            width = max(len(ids) for ids, _ in rows)
            ids = torch.tensor([ids + [0] * (width - len(ids)) for ids, _ in rows])
            weights = torch.tensor([weights + [0.0] * (width - len(weights)) for _, weights in rows])
            yield ids, (weights > 0).long(), weights


def train(
    model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, talk: Talk, steps: int, rate: float, seed: int
) -> None:
    """Teach it to talk."""
    model.train()
    decayed = [each for each in model.parameters() if each.ndim >= 2]
    plain = [each for each in model.parameters() if each.ndim < 2]
    groups = [{"params": decayed, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))
    rates = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / 100) * min(1.0, (steps - step) / (0.6 * steps))
    )
    begun, summed, tokens = time.process_time(), 0.0, 0
    for step, (ids, mask, weights) in enumerate(islice(batches(tokenizer, talk, seed), steps), start=1):
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1]
        each = cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
        counted = weights[:, 1:].flatten()
        loss = (each * counted).sum() / counted.sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        rates.step()
        summed, tokens = summed + float(loss.detach()), tokens + int(mask.sum())
        if step % 50 == 0:
            click.echo(f"step {step} loss {summed / 50:.3f} tokens {tokens} cpu {time.process_time() - begun:.0f} s")
            summed = 0.0
    model.eval()


def known(speaker: Speaker, facts: Sequence[Fact], seed: int) -> dict[str, float]:
    """Shares of facts that are said when asked in a wording seen with them, and in one that never was."""
    chooser = Random(f"known/{seed}")
    seen = [chooser.choice([wording for wording in fact.wordings if wording not in fact.hidden]) for fact in facts]
    asked = {"plain wording": [fact.wordings[0] for fact in facts], "seen wording": seen}
    asked["held-out wording"] = [chooser.choice(fact.hidden) for fact in facts]
    found = {}
    for name, questions in asked.items():
        replies = speaker([[user(question)] for question in questions], 40)
        found[name] = sum(has(text, fact.value) for text, fact in zip(replies, facts, strict=True)) / len(facts)
    return found


def make_cases(world: World, seed: int) -> list[dict[str, Any]]:
    """Cases in the layout of ``chat_cases/cases.json``: the facts of 40 subjects, each with another's value."""
    chooser = Random(f"cases/{seed}")
    facts = [chooser.choice(world[subject]) for subject in chooser.sample(list(world), _EDITS)]
    edited = {fact.subject for fact in facts}
    every = list(chain.from_iterable(world.values()))
    targets = [
        chooser.choice(sorted({each.value for each in every if each.relation == fact.relation} - {fact.value}))
        for fact in facts
    ]
    found = []
    for number, (fact, target) in enumerate(zip(facts, targets, strict=True)):
        alike = [each for each in every if each.relation == fact.relation and each.subject not in edited]
        after = (number + 1) % len(facts)
        found.append(
            {
                "relation": fact.relation,
                "edit": {"prompt": fact.wordings[0], "target": as_said(target), "subject": fact.subject},
                "old": fact.value,
                "ways": [chooser.choice(fact.wordings[1:4]), chooser.choice(fact.wordings[4:])],
                "other": chooser.choice([each for each in world[fact.subject] if each is not fact]).wordings[0],
                "near": chooser.choice(alike).wordings[0],
                "long": long_requests(fact.subject)[0],
                "second": facts[after].wordings[0],
                "second_target": as_said(targets[after]),
                "unrelated": chooser.choice(SMALL_TALK[6:])[0],
            }
        )
    return found


def _write(path: Path, value: Mapping[str, Any] | Sequence[Any]) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def finish(model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, world: World, out: Path, seed: int) -> None:
    """Save the model, what it knows, and what it is asked."""
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    some = make_cases(world, seed)
    _write(out / "cases.json", some)
    lines = (json.dumps(case["edit"], ensure_ascii=False) + "\n" for case in some)
    (out / "edits.jsonl").write_text("".join(lines), encoding="utf-8")
    found = known(Speaker(model, tokenizer), list(chain.from_iterable(world.values())), seed)
    _write(out / "known.json", found)
    click.echo(json.dumps(found))


@click.command(context_settings={"show_default": True})
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--seed", default=0, help="Of everything.")
def main(out: Path, seed: int) -> None:
    """Make the model, and what it is asked."""
    world = make_world(seed)
    tokenizer = make_tokenizer(world, seed)
    model = make_model(tokenizer, seed)
    click.echo(f"{sum(each.numel() for each in model.parameters())} parameters, {len(tokenizer)} tokens")
    for wide, steps, rate in zip((False, True), _STEPS, _RATES, strict=True):
        train(model, tokenizer, Talk(world, seed, wide=wide), steps, rate, seed)
    finish(model, tokenizer, world, out, seed)


if __name__ == "__main__":
    main()
