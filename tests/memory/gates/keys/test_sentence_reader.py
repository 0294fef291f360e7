"""Sentences that are read by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from tests.memory.test_chat import UNRELATED
from tests.models import tiny_chat_tokenizer, tiny_model
from wisedb.memory.gates.keys.chat_statistics import ChatStatistics, Closing
from wisedb.memory.gates.keys.questions import AskedOf
from wisedb.memory.gates.keys.sentence_reader import SentenceReader, sentences_of
from wisedb.memory.gates.keys.statistics import Statistics, compute_statistics
from wisedb.memory.gates.keys.token_flags import STOP
from wisedb.model.locate import locate


@pytest.fixture(scope="module")
def statistics() -> Statistics:
    model = tiny_model("llama")
    return compute_statistics(model, locate(model), tiny_chat_tokenizer(), UNRELATED)


def test_a_sentence_ends_with_its_sign() -> None:
    flags, ids = [0, STOP, STOP, 0, 0, STOP, 0], [5, 6, 7, 5, 5, 8, 5]
    assert sentences_of(ids, flags, range(7)) == [[0, 1], [3, 4, 5], [6]]
    assert sentences_of(ids, flags, [1, 2]) == []
    # Not with a colon: "Translate to French: Who founded Ikea?" asks who founded nothing.
    assert sentences_of(ids, flags, range(7), leads={8}) == [[0, 1], [3, 4, 5, 6]]


def test_what_was_read_is_remembered(statistics: Statistics) -> None:
    asked: list[int] = []

    def read(sequences: Sequence[Sequence[int]]) -> torch.Tensor:
        asked.append(len(sequences))
        return torch.ones(len(sequences), 2 * statistics.relation_map.shape[0])

    assert statistics.chat is not None
    reader = SentenceReader(statistics.chat, {}, read)
    first = reader([[5, 6], [7], [5, 6]])
    again = reader([[5, 6], [7], [5, 6]])
    assert torch.equal(first.relations, again.relations) and len(first.relations) == 3
    # Who asks for a text isn't known in stores from before replies were ended.
    assert not reader.ends and first.text.tolist() == first.nothing.tolist() == [False] * 3
    assert asked == [1, 1]


def test_in_which_manner_a_sentence_asks_is_read_with_it(statistics: Statistics) -> None:
    assert statistics.chat is not None
    width = len(statistics.chat.mean)

    def read(sequences: Sequence[Sequence[int]]) -> torch.Tensor:
        return torch.tensor([[float(len(sequence))] + [0.0] * (width - 1) for sequence in sequences])

    def manner(chat: ChatStatistics) -> torch.Tensor:
        # A long one asks for a text, a short one for nothing.
        rows = torch.zeros(2, width + 1)
        rows[:, 0], rows[:, -1] = torch.tensor([1.0, -1.0]), torch.tensor([-1.0, 1.0]) * (len(chat.asked(())) + 2.5)
        return rows

    chat = replace(statistics.chat, closing=Closing(manner(statistics.chat), torch.zeros(width // 2)))
    reader = SentenceReader(chat, {4: AskedOf((1, 2), (2,))}, read)
    found = reader([[5], [6, 7, 8]])
    assert reader.ends and found.text.tolist() == [False, True] and found.nothing.tolist() == [True, False]
    assert reader.subject(4) == (2,) and reader.subject(5) == reader.subject(None) == ()
