"""Sequences of a lesson: what they hold, and that they stay within bounds."""

from __future__ import annotations

import pytest
import torch

from tests.editors.wise.bench import EDITS, prepared
from wisedb.editors.wise import sheet as module
from wisedb.editors.wise.sheet import Sheet, answers_of
from wisedb.errors import TrainingFailed
from wisedb.memory.prompts import encode_pair

TEXTS = [((edit.prompt, f"Paris is old. {edit.prompt}"), edit.target) for edit in EDITS]
PICKS = [(edit, view) for edit in range(len(EDITS)) for view in range(2)]


def test_rows_are_prompt_and_answer_of_the_views() -> None:
    base = prepared("llama")
    sheet = Sheet(base, TEXTS, end=True)
    for (edit, view), row in zip(PICKS, sheet.rows(PICKS), strict=True):
        prompt, answer = encode_pair(base.tokenizer, TEXTS[edit][0][view], TEXTS[edit][1], end=True)
        assert row.ids.tolist() == prompt + answer and row.prompt == len(prompt)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_what_is_not_kept_is_computed_anew(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    base = prepared(family)
    kept = Sheet(base, TEXTS, end=True)
    monkeypatch.setattr(module, "_BYTES", 0)
    anew = Sheet(base, TEXTS, end=True)
    assert anew._rows is None
    for one, other in zip(kept.rows(PICKS), anew.rows(PICKS), strict=True):
        assert one.ids.tolist() == other.ids.tolist()
        torch.testing.assert_close(one.features, other.features)


def test_batches_hold_everything_once_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    sheet = Sheet(prepared("llama"), TEXTS, end=True)
    monkeypatch.setattr(module, "_TOKENS", 40)
    monkeypatch.setattr(module, "_ANSWERS", 6)
    seen: list[tuple[int, int]] = []
    for picks, batch in sheet.batches(PICKS):
        assert len(picks) == 1 or (batch.ids.numel() <= 40 and len(batch.labels) <= 6)
        seen += picks
    assert seen == PICKS
    assert 1 <= len(sheet.fitting(PICKS)) < len(PICKS)
    assert sheet.fitting([]) == ()


def test_passages_longer_than_the_model_reads_are_learned_from_their_beginning() -> None:
    base = prepared("gpt2", n_positions=24)
    sheet = Sheet(base, [((EDITS[0].prompt, f"Paris is old. {EDITS[0].prompt}"), "Paris is old. " * 20)], end=True)
    (row,) = sheet.rows([(0, 0)])
    assert len(row.ids) == 24 and sheet.views(0) == 1
    with pytest.raises(TrainingFailed, match="the model reads 24"):
        Sheet(base, [(("Paris is old. " * 20,), "x")], end=True)


def test_features_are_those_of_the_tokens_without_padding() -> None:
    sheet = Sheet(prepared("llama"), TEXTS, end=True)
    found = torch.cat(list(sheet.features(PICKS)))
    assert len(found) == sum(len(row.ids) for row in sheet.rows(PICKS))


def test_numbers_of_tokens_become_numbers_of_answers() -> None:
    sheet = Sheet(prepared("llama"), TEXTS, end=True)
    ((picks, batch),) = sheet.batches(PICKS[:3])
    numbers = torch.arange(len(batch.labels)).float() + 1
    rows = [numbers[batch.at[0] == row] for row in range(len(picks))]
    assert answers_of(batch, numbers).tolist() == [float(row.min()) for row in rows]
