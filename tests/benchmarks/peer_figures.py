"""The figures of a model that no store holds: the unedited one, and one that the public implementation edited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from wisedb.model.base import LoadedBase
from wisedb.model.tokens import encode_prompt
from wisedb.serving.evaluate import exact_matches
from wisedb.serving.exact_match import same_answer
from wisedb.serving.generate import continue_prompts
from wisedb.serving.questions import Questions
from wisedb.serving.score import Pair, Scored, agreement, mean_share, score

_SLACK = 8
"""Tokens beyond the target's that an answer may take until it stops by itself, as in wisedb's own evaluation."""


def figures(base: LoadedBase, questions: Questions, plain: Sequence[Scored]) -> dict[str, Any]:
    """All figures; ``plain`` is what the unedited model says to the unrelated prompts."""
    pad = base.tokenizer.pad_token_id or 0
    direct = [score(base.model, [pair], pad)[0] for pair in questions.direct]
    groups: dict[int, list[float]] = {}
    for owner, pair in zip(questions.owners, questions.rephrased, strict=True):
        groups.setdefault(owner, []).append(score(base.model, [pair], pad)[0].share)
    after = plain_locality(base, questions)
    # Its route is taken anew at each step, and with a cache a step sees one token alone: both ways are measured, and
    # its figure is the better one.
    whole: dict[str, float | None] = {}
    cached: dict[str, float | None] = {}
    for suffix, asked, pairs in zip(
        ("", "_rephrase"), asked_of(questions), (questions.direct, questions.rephrased), strict=True
    ):
        both = list(zip(asked, pairs, strict=True))
        whole |= {
            f"exact_match{suffix}": mean(whole_answer(base, *one, len(pair.answer), cut=False) for one, pair in both),
            f"exact_at_length{suffix}": mean(
                whole_answer(base, *one, len(pair.answer), cut=True) for one, pair in both
            ),
        }
        cached |= {
            f"exact_match{suffix}": mean(exact_matches(base, [one], None)[0] for one in asked),
            f"exact_at_length{suffix}": mean(said_at_length(base, [one], [pair], None)[0] for one, pair in both),
        }
    return {
        "reliability": mean_share(direct),
        "generalization": mean(sum(group) / len(group) for group in groups.values()),
        "locality": mean(agreement(a.predicted, b.predicted) for a, b in zip(after, plain, strict=True)),
        **{name: max((way[name] for way in (whole, cached)), key=lambda share: share or 0.0) for name in whole},
        "without_cache": whole,
        "with_cache": cached,
    }


def plain_locality(base: LoadedBase, questions: Questions) -> list[Scored]:
    """What a model says to the unrelated prompts."""
    pad = base.tokenizer.pad_token_id or 0
    return [score(base.model, [pair], pad)[0] for pair in questions.unrelated]


@torch.no_grad()
def whole_answer(base: LoadedBase, prompt: str, target: str, length: int, *, cut: bool) -> bool:
    """Whether the greedy answer, computed without a cache, is the target: at its natural stop, or cut at its length."""
    ids, end, stopped = encode_prompt(base.tokenizer, prompt), base.tokenizer.eos_token_id, False
    start = len(ids)
    for _ in range(length if cut else length + _SLACK):
        row = torch.tensor([ids], device=base.model.device)
        logits = base.model(input_ids=row, attention_mask=torch.ones_like(row), use_cache=False).logits
        token = int(logits[0, -1].argmax())
        text = base.tokenizer.decode([*ids[start:], token], skip_special_tokens=True)
        stopped = token == end or ("\n" in text.lstrip() and "\n" not in target)
        if token != end:
            ids.append(token)
        if stopped:
            break
    text = base.tokenizer.decode(ids[start:], skip_special_tokens=True).lstrip()
    answer = text if "\n" in target else text.split("\n", 1)[0]
    return (stopped or cut) and same_answer(answer, target)


def asked_of(questions: Questions) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(prompt, target) of the edits, and of their rephrases."""
    direct = [(edit.prompt, edit.target) for edit in questions.edits]
    wordings = zip(questions.edits, questions.rephrases, strict=True)
    return direct, [(text, edit.target) for edit, texts in wordings for text in texts]


def mean(values: Any) -> float | None:
    """The mean, ``None`` of nothing."""
    numbers = [float(value) for value in values]
    return sum(numbers) / len(numbers) if numbers else None


def said_at_length(
    base: LoadedBase, asked: Sequence[tuple[str, str]], pairs: Sequence[Pair], handle: Any
) -> list[bool]:
    """Whether each answer, cut at the length of its target, is the target."""
    found: dict[int, bool] = {}
    for length in {len(pair.answer) for pair in pairs}:
        rows = [row for row, pair in enumerate(pairs) if len(pair.answer) == length]
        prompts = [asked[row][0] for row in rows]
        answers = continue_prompts(base.model, base.tokenizer, prompts, max_new_tokens=length, handle=handle)
        found |= {row: same_answer(answer.text, asked[row][1]) for row, answer in zip(rows, answers, strict=True)}
    return [found[row] for row in range(len(pairs))]
