"""Rows and batches: what is answer, what is prompt, what is padding."""

from __future__ import annotations

import pytest
import torch

from tests.editors.keyed.fixtures import EDITS, POOL, prepared, quick
from wisedb.editors.keyed.batches import Rows, collate, collate_prompts
from wisedb.model.tokens import encode_pair, encode_prompt


def test_an_edit_stands_bare_and_behind_each_context() -> None:
    base = prepared("llama")
    rows = Rows(base, quick()).edit(EDITS[0])
    assert len(rows) == 1 + len(POOL.contexts)
    for row, prefix in zip(rows, ("", *(f"{context} " for context in POOL.contexts)), strict=True):
        prompt, answer = encode_pair(base.tokenizer, prefix + EDITS[0].prompt, EDITS[0].target, end=True)
        assert row.ids.tolist() == prompt + answer
        assert row.prompt == len(prompt)
        assert row.ids[-1] == base.tokenizer.eos_token_id
    assert len(Rows(base, quick(contexts=1)).edit(EDITS[0])) == 2
    assert Rows(base, quick(end=False)).edit(EDITS[0])[0].ids[-1] != base.tokenizer.eos_token_id


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2"])
def test_unrelated_prompts_go_on_as_the_unedited_model_does(family: str) -> None:
    base = prepared(family)
    rows = Rows(base, quick(keep=2)).pool()
    assert len(rows) == len(POOL.prompts)
    for row, prompt in zip(rows[:4], POOL.prompts, strict=False):
        ids = torch.tensor([encode_prompt(base.tokenizer, prompt)])
        for _ in range(len(row.ids) - row.prompt):
            ids = torch.cat([ids, base.model(input_ids=ids).logits[:, -1:].argmax(-1)], dim=1)
        assert row.prompt < len(row.ids)
        assert row.ids.tolist() == ids[0].tolist()
    assert all(row.prompt == len(row.ids) for row in Rows(base, quick(keep=0)).pool())


def test_a_batch_knows_where_the_answers_are_predicted() -> None:
    rows = Rows(prepared("llama"), quick())
    chosen = [rows.edit(EDITS[0])[1], rows.edit(EDITS[3])[0]]
    batch = collate(chosen)
    assert batch.ids[batch.at[0], batch.at[1] + 1].tolist() == batch.labels.tolist()
    assert batch.labels.tolist() == [token for row in chosen for token in row.ids[row.prompt :].tolist()]
    assert float(batch.weights.sum()) == pytest.approx(1.0)
    for number in range(2):
        assert float(batch.weights[batch.at[0] == number].sum()) == pytest.approx(0.5)
        assert int(batch.prompts.prompt[number].sum()) == chosen[number].prompt


def test_prompts_leave_answer_and_padding_out() -> None:
    rows = Rows(prepared("llama"), quick()).edit(EDITS[0])
    prompts = collate_prompts(rows)
    assert prompts is not None
    assert prompts.prompt.sum(1).tolist() == [row.prompt for row in rows]
    assert not prompts.features[~prompts.prompt].any()
    assert collate_prompts([]) is None


def test_rows_do_not_depend_on_what_was_asked_before() -> None:
    base = prepared("gpt2")
    first, second = Rows(base, quick()), Rows(base, quick())
    second.pool()
    second.edit(EDITS[1])
    assert torch.equal(first.edit(EDITS[0])[1].features, second.edit(EDITS[0])[1].features)
