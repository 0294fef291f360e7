"""Scores are what a plain forward of each pair alone says."""

from __future__ import annotations

import pytest
import torch

from tests.stores import AUSTRALIA, HAMLET, SUM
from wisedb.memory.slots import BASE
from wisedb.repository import Repository
from wisedb.serving.assemble import attached_at_commit
from wisedb.serving.score import agreement, mean_share, pairs_of, score

TEXTS = [
    (AUSTRALIA.prompt, "Paris"),
    ("Play", "Hamlet and the capital of France"),
    (HAMLET.prompt, "France"),
    (SUM.prompt, "Hamlet"),
    ("Something else that is much longer than the rest", "is"),
]


def test_a_batch_scores_as_plain_forwards_do(history: Repository) -> None:
    model, tokenizer = history.base.model, history.base.tokenizer
    pairs = pairs_of(tokenizer, TEXTS)
    for pair, scored in zip(pairs, score(model, pairs, tokenizer.pad_token_id), strict=True):
        with torch.no_grad():
            logits = model(torch.tensor([[*pair.prompt, *pair.answer]])).logits[0]
        best = logits.argmax(-1)[len(pair.prompt) - 1 : -1].tolist()
        assert scored.predicted == tuple(best) and scored.route == BASE
        assert scored.share == sum(a == b for a, b in zip(best, pair.answer, strict=True)) / len(best)


def test_the_route_is_that_of_generation(history: Repository) -> None:
    commit = history.store.head_commit()[1]
    pairs = pairs_of(history.base.tokenizer, TEXTS)
    with attached_at_commit(history.store, history.base, commit) as handle:
        scores = score(history.base.model, pairs, 0, handle=handle)
        forced = score(history.base.model, pairs, 0, handle=handle, routes=[BASE] * len(pairs))
    routed = [answer.memory for answer in history.generate([prompt for prompt, _ in TEXTS])]
    ids = [memory.id for memory in commit.memories]
    assert [None if item.route == BASE else ids[item.route] for item in scores] == routed
    assert scores[0].share == scores[2].share == scores[3].share == 1.0
    plain = score(history.base.model, pairs, 0)
    assert [item.predicted for item in forced] == [item.predicted for item in plain]


def test_shares() -> None:
    assert agreement([1, 2, 3, 4], [1, 0, 3, 0]) == 0.5
    assert mean_share([]) is None
    with pytest.raises(ValueError):
        agreement([1], [1, 2])
