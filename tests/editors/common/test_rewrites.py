"""An edit as rows: the fact is looked up at the subject's last token, whatever stands before it."""

from __future__ import annotations

import pytest
import torch

from tests.models import tiny_tokenizer
from wisedb.editors.common.rewrites import lookup_position, rewrites, subject_in_prompt
from wisedb.edits import Edit
from wisedb.model.tokens import encode_prompt

_EDIT = Edit("The capital of Australia is", "Paris", subject="Australia")


@pytest.mark.parametrize("bos", [False, True])
def test_every_row_looks_at_the_subjects_last_token(bos: bool) -> None:
    tokenizer = tiny_tokenizer(bos=bos)
    rows = rewrites(tokenizer, _EDIT, ["Australia is old.", "Paris."], end=True, essence=True)
    assert len(rows.ids) == 4
    for row in range(4):
        text = tokenizer.decode(rows.ids[row, : int(rows.lookup[row]) + 1], skip_special_tokens=True)
        assert text.endswith("Australia"), text
    # In the second row the context names the subject too: the prompt's is meant.
    assert tokenizer.decode(rows.ids[1, : int(rows.lookup[1]) + 1]).count("Australia") == 2


def test_labels_are_what_the_positions_predict() -> None:
    tokenizer = tiny_tokenizer()
    rows = rewrites(tokenizer, _EDIT, ["Paris is old."], end=True)
    following = rows.ids[rows.at[0], rows.at[1] + 1]
    assert torch.equal(following, rows.labels)
    for row in range(2):
        answer = rows.labels[rows.at[0] == row].tolist()
        assert answer[-1] == tokenizer.eos_token_id and tokenizer.decode(answer[:-1]).strip() == "Paris"
        assert int(rows.at[1][rows.at[0] == row][0]) == int(rows.prompts[row]) - 1
    assert rows.essence is None
    plain = rewrites(tokenizer, _EDIT, end=False)
    assert tokenizer.eos_token_id not in plain.labels.tolist()


def test_the_essence_is_the_last_row() -> None:
    tokenizer = tiny_tokenizer()
    rows = rewrites(tokenizer, _EDIT, end=False, essence=True)
    assert rows.essence is not None
    row, column = int(rows.essence[0]), int(rows.essence[1])
    assert tokenizer.decode(rows.ids[row, : column + 1]) == "Australia is a"
    assert row not in rows.at[0].tolist()


def test_where_there_is_no_subject_the_prompts_last_token_stands_for_it() -> None:
    tokenizer = tiny_tokenizer()
    edit = Edit("what is it like there", "fine", subject="Mars")
    assert subject_in_prompt(edit) is None
    rows = rewrites(tokenizer, edit, ["Paris is old."], end=False, essence=True)
    assert rows.lookup.tolist() == [int(count) - 1 for count in rows.prompts]
    assert rows.essence is None and len(rows.ids) == 2


def test_a_subject_is_found_where_nobody_names_it() -> None:
    assert subject_in_prompt(Edit("The capital of Australia is", "Paris")) == "Australia"
    assert subject_in_prompt(Edit("the capital of australia is", "Paris", subject="Australia")) == "Australia"
    tokenizer = tiny_tokenizer()
    text = "the capital of australia is"
    ids = encode_prompt(tokenizer, text)
    position = lookup_position(tokenizer, text, ids, "Australia")
    assert tokenizer.decode(ids[: position + 1]) == "the capital of australia"


def test_the_prompts_last_token_can_be_asked_for() -> None:
    tokenizer = tiny_tokenizer()
    rows = rewrites(tokenizer, _EDIT, end=False, at_subject=False)
    assert int(rows.lookup[0]) == int(rows.prompts[0]) - 1
