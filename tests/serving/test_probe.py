"""A probe tells whether a model still computes the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.stores import AUSTRALIA
from wisedb.repository import Repository
from wisedb.serving.probe import PROMPTS, Compared, compare_probe, probe, probed


def test_the_same_model_answers_the_same(empty: Repository) -> None:
    was = probe(empty.base, probed([AUSTRALIA]))
    assert was["prompts"] == [*PROMPTS, AUSTRALIA.prompt] and was["dtype"] == "float32"
    assert [len(row) for row in was["tokens"]] == [5] * 4
    found = compare_probe(empty.base, was)
    assert found.same and found.largest is not None and found.largest < 1e-4


def test_another_answer_is_another_model(empty: Repository) -> None:
    was = probe(empty.base, probed(()))
    shifted = {**was, "logits": [[value + 0.1 for value in row] for row in was["logits"]]}
    assert not compare_probe(empty.base, shifted).same
    # What rounding in halves may do is let pass.
    assert compare_probe(empty.base, {**shifted, "dtype": "bfloat16"}).same
    unlikeliest = {**was, "tokens": [[299 - place for place in range(5)] for _ in was["tokens"]]}
    found = compare_probe(empty.base, unlikeliest)
    assert not found.same and (found.largest is None or found.largest > 0)


def test_a_prompt_that_is_too_long_is_cut(empty: Repository) -> None:
    assert len(probe(empty.base, ["word " * 1000])["tokens"]) == 1
    assert torch.is_grad_enabled()


def test_a_model_is_asked_again_what_its_commit_kept(history: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    check = history.check_model()
    assert check.problem is None and check.compared is not None and check.compared.same
    assert check.to_json()["same"] is True and check.made_with == check.now
    other = replace(check, compared=Compared(False, 0.5), now={**check.now, "torch": "9"})
    assert other.problem is not None and "torch" in other.problem and "→ 9" in other.problem
    commit = replace(history.store.head_commit()[1], probe=None)
    monkeypatch.setattr(type(history.store.objects), "commit", lambda *_: commit)
    assert history.check_model().compared is None
