"""The edits of one training: what they hold, and that they stay within bounds."""

from __future__ import annotations

import pytest
import torch

from tests.editors.keyed.fixtures import EDITS, prepared
from wisedb.editors.keyed import dataset as module
from wisedb.editors.keyed.dataset import EncodedDataset, within_budgets
from wisedb.errors import TrainingFailed
from wisedb.model.tokens import encode_pair

TEXTS = [((edit.prompt, f"Paris is old. {edit.prompt}"), edit.target) for edit in EDITS]
EXAMPLES = [(edit, view) for edit in range(len(EDITS)) for view in range(2)]


def test_sequences_are_prompt_and_answer() -> None:
    base = prepared("llama")
    data = EncodedDataset(base, TEXTS, end=True)
    for (edit, view), row in zip(EXAMPLES, data.sequences(EXAMPLES), strict=True):
        prompt, answer = encode_pair(base.tokenizer, TEXTS[edit][0][view], TEXTS[edit][1], end=True)
        assert row.ids.tolist() == prompt + answer and row.prompt == len(prompt)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_what_is_not_kept_is_computed_anew(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    base = prepared(family)
    kept = EncodedDataset(base, TEXTS, end=True)
    monkeypatch.setattr(module, "_BYTES", 0)
    anew = EncodedDataset(base, TEXTS, end=True)
    assert anew._cached is None
    for one, other in zip(kept.sequences(EXAMPLES), anew.sequences(EXAMPLES), strict=True):
        assert one.ids.tolist() == other.ids.tolist()
        torch.testing.assert_close(one.features, other.features)


def test_batches_hold_everything_once_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    data = EncodedDataset(prepared("llama"), TEXTS, end=True)
    monkeypatch.setattr(module, "_TOKENS", 40)
    monkeypatch.setattr(module, "_ANSWERS", 6)
    seen: list[tuple[int, int]] = []
    for examples, batch in data.minibatches(EXAMPLES):
        assert len(examples) == 1 or (batch.ids.numel() <= 40 and len(batch.labels) <= 6)
        seen += examples
    assert seen == EXAMPLES
    assert 1 <= len(data.within(EXAMPLES, 100)) < len(EXAMPLES)
    assert data.within([], 100) == []


def passages(words: int, count: int) -> EncodedDataset:
    texts = [((edit.prompt, f"Paris is old. {edit.prompt}"), " ".join(["play"] * words)) for edit in EDITS[:count]]
    return EncodedDataset(prepared("llama"), texts, end=True)


def answer(data: EncodedDataset, edit: int) -> int:
    (row,) = data.sequences([(edit, 0)])
    return len(row.ids) - row.prompt


def test_an_answer_costs_one_for_each_full_dozen_of_its_tokens() -> None:
    seen = set()
    for words in range(1, 60):
        data = passages(words, 1)
        tokens = answer(data, 0)
        assert data.cost(0) == max(1, tokens // 12)
        seen.add(data.cost(0))
    assert {1, 2, 3} <= seen


def test_a_step_holds_no_more_answer_tokens_than_its_budget_or_one_answer() -> None:
    data = passages(30, 4)
    examples = [(edit, view) for edit in range(4) for view in range(2)]
    each = data.cost(0)
    assert each > 1
    for budget in range(1, 20):
        taken = data.within(examples, budget)
        assert list(taken) == examples[: len(taken)]
        assert len(taken) == min(len(examples), max(1, budget // each))
        assert len(taken) == 1 or sum(answer(data, edit) for edit, _ in taken) < 2 * 12 * budget
    short = EncodedDataset(prepared("llama"), TEXTS, end=True)
    assert list(short.within(EXAMPLES, len(EXAMPLES))) == EXAMPLES


def test_facts_are_not_padded_to_the_length_of_a_passage(monkeypatch: pytest.MonkeyPatch) -> None:
    facts, long = EncodedDataset(prepared("llama"), TEXTS, end=True), passages(30, 1)
    longest = long.longest([(0, 0)])
    assert longest > 2 * facts.longest(EXAMPLES)
    assert [len(side) for side in within_budgets(facts, EXAMPLES, 8, long, [(0, 0)], 8)] == [len(EXAMPLES), 1]
    monkeypatch.setattr(module, "_TOKENS", longest * 2)
    some, again = within_budgets(facts, EXAMPLES, 8, long, [(0, 0)], 8)
    assert list(some) == EXAMPLES[:3] and list(again) == [(0, 0)]
    monkeypatch.setattr(module, "_TOKENS", 1)
    assert [len(side) for side in within_budgets(facts, EXAMPLES, 8, long, [(0, 0)], 8)] == [1, 1]


def test_what_is_longer_than_the_model_reads_is_refused() -> None:
    base = prepared("gpt2", n_positions=24)
    with pytest.raises(TrainingFailed, match="the model reads 24"):
        EncodedDataset(base, [((EDITS[0].prompt,), "Paris is old. " * 20)], end=True)
    with pytest.raises(TrainingFailed, match="the model reads 24"):
        EncodedDataset(base, [(("Paris is old. " * 20,), "x")], end=True)


def test_a_passage_is_learned_under_the_prompts_that_fit() -> None:
    base = prepared("gpt2", n_positions=24)
    bare, more = encode_pair(base.tokenizer, EDITS[0].prompt, EDITS[0].target, end=True)
    behind = "Paris is old. " * 3 + EDITS[0].prompt
    assert len(bare) + len(more) <= 24 < len(encode_pair(base.tokenizer, behind, EDITS[0].target, end=True)[0])
    assert EncodedDataset(base, [((EDITS[0].prompt, behind), EDITS[0].target)], end=True).prompts(0) == 1


def test_features_are_those_of_the_tokens_without_padding() -> None:
    data = EncodedDataset(prepared("llama"), TEXTS, end=True)
    found = torch.cat(list(data.features(EXAMPLES)))
    assert len(found) == sum(len(row.ids) for row in data.sequences(EXAMPLES))


def test_numbers_of_tokens_become_numbers_of_answers() -> None:
    data = EncodedDataset(prepared("llama"), TEXTS, end=True)
    ((examples, batch),) = data.minibatches(EXAMPLES[:3])
    numbers = torch.arange(len(batch.labels)).float() + 1
    rows = [numbers[batch.at[0] == row] for row in range(len(examples))]
    assert batch.least(numbers).tolist() == [float(row.min()) for row in rows]
