"""What edits say is read once, token by token, and remembered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from wisedb.memory import answers
from wisedb.memory.answers import AnswerReader
from wisedb.memory.gates.keys.chat_statistics import ChatStatistics
from wisedb.memory.gates.keys.questions import AskedOf
from wisedb.memory.gates.keys.replies import Meant, Stretch

HEADER, OPENING = (7, 8), (9, 7)
EARLIER, PRONOUNS = torch.tensor([3], dtype=torch.int32), torch.zeros(0, 2, dtype=torch.int32)
QUESTIONS = {0: AskedOf((1, 2), (2,)), 3: AskedOf((4,), ())}


class Model:
    """Gives for each token the sum of all token ids so far; its cache is that sum."""

    def __init__(self) -> None:
        self.runs: list[tuple[list[int], int, Meant]] = []

    def __call__(self, ids: Sequence[int], first: int, memory: Meant, cache: Any) -> tuple[torch.Tensor, Any]:
        self.runs.append((list(ids), first, memory))
        sums = torch.tensor(list(ids)).cumsum(0) + (cache or 0)
        return sums[:, None].float(), int(sums[-1])


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def reader(model: Model) -> AnswerReader:
    header, opening = (torch.tensor(part, dtype=torch.int32) for part in (HEADER, OPENING))
    chat = ChatStatistics((0,), torch.zeros(2), torch.eye(2), header, header, opening, EARLIER, PRONOUNS, "0" * 64)
    return AnswerReader(chat, QUESTIONS, model)


def stretch(said: tuple[int, ...], first: int, edit: int = 0, before: int = 0) -> Stretch:
    return Stretch(0, Meant(edit, 2, 1), before > 0, said, range(before + first, before + len(said) + 1))


def test_the_edits_own_question_is_read_up_to_what_was_said(model: Model, reader: AnswerReader) -> None:
    asked = [*HEADER, *QUESTIONS[0].ids, *OPENING]
    assert reader(stretch((5, 6), 0))[:, 0].tolist() == [sum(asked), sum(asked) + 5, sum(asked) + 11]
    assert model.runs == [([*asked, 5, 6], len(asked) - 1, Meant(0, 2, 1))]


def test_what_was_read_is_not_read_again_and_a_token_more_costs_one_token(model: Model, reader: AnswerReader) -> None:
    asked = sum((*HEADER, *QUESTIONS[0].ids, *OPENING))
    first = reader(stretch((), 0))
    for said in ((5,), (5, 6)):
        assert reader(stretch(said, len(said)))[:, 0].tolist() == [asked + sum(said)]
    assert [(ids, begins) for ids, begins, _ in model.runs[1:]] == [([5], 0), ([6], 0)]
    assert torch.equal(reader(stretch((), 0)), first)
    assert reader(stretch((5, 6), 0))[:, 0].tolist() == [asked, asked + 5, asked + 11]
    assert len(model.runs) == 3


def test_one_sentence_stands_for_all_that_was_said_before(model: Model, reader: AnswerReader) -> None:
    asked = [*HEADER, *QUESTIONS[0].ids, *OPENING, *EARLIER.tolist()]
    for before in (1, 4):
        assert reader(stretch((5,), 0, before=before))[:, 0].tolist() == [sum(asked), sum(asked) + 5]
    assert model.runs == [([*asked, 5], len(asked) - 1, Meant(0, 2, 1))]


def test_another_reply_to_the_same_question_is_read_from_the_beginning(model: Model, reader: AnswerReader) -> None:
    asked = sum((*HEADER, *QUESTIONS[0].ids, *OPENING))
    reader(stretch((5,), 0))
    assert reader(stretch((6, 8), 2))[:, 0].tolist() == [asked + 14]
    assert reader(stretch((5, 8), 2))[:, 0].tolist() == [asked + 13]
    # What the reply's beginning says is asked for where only its end had to be read.
    assert reader(stretch((6, 8), 1))[:, 0].tolist() == [asked + 6, asked + 14]


def test_everything_is_read_anew_where_the_model_was_moved(model: Model, reader: AnswerReader) -> None:
    first = reader(stretch((5,), 0))
    reader.forget()
    assert torch.equal(reader(stretch((5,), 0)), first) and len(model.runs) == 2


def test_edits_are_kept_apart_and_only_so_many(
    model: Model, reader: AnswerReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "_OPEN", 1)
    monkeypatch.setattr(answers, "_REMEMBERED", 2)
    one, other = reader(stretch((), 0)), reader(stretch((), 0, edit=3))
    assert not torch.equal(one, other)
    reader(stretch((5,), 1, edit=3))
    # The first edit's beginning was forgotten, with its keys and values.
    assert torch.equal(reader(stretch((), 0)), one) and len(model.runs) == 4


def test_a_text_begins_as_the_model_begins_it_behind_whatever_was_said(model: Model, reader: AnswerReader) -> None:
    meant = Meant(0, 2, 1, heard=(3, 9), text=True)
    asked = [*HEADER, 3, 9, *OPENING, *EARLIER.tolist()]
    assert reader.text(meant)[:, 0].tolist() == [sum(asked)]
    # No memory answers any of it.
    assert model.runs == [(asked, len(asked), meant)]
    assert torch.equal(reader.text(meant), reader.text(meant._replace(edit=3))) and len(model.runs) == 1
