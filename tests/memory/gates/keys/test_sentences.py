"""Messages sentence by sentence."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from tests.memory.test_chat import FRANCE, HAMLET, OTHER, TOKENIZER, UNRELATED
from tests.models import tiny_model
from wisedb.memory.gates.keys.build import build_keys
from wisedb.memory.gates.keys.index import KeyIndex, build_index
from wisedb.memory.gates.keys.prompt_features import PromptFeatures
from wisedb.memory.gates.keys.replies import last_reply
from wisedb.memory.gates.keys.sentences import SentenceReader, score_messages, sentences_of
from wisedb.memory.gates.keys.statistics import Statistics, compute_statistics
from wisedb.memory.gates.keys.token_flags import STOP
from wisedb.model.capture import capture
from wisedb.model.chat import encode_chat, user
from wisedb.model.locate import locate

MODEL = tiny_model("llama")


@pytest.fixture(scope="module")
def statistics() -> Statistics:
    return compute_statistics(MODEL, locate(MODEL), TOKENIZER, UNRELATED)


@pytest.fixture(scope="module")
def index(statistics: Statistics) -> KeyIndex:
    keys = build_keys(MODEL, locate(MODEL), TOKENIZER, statistics, [FRANCE, HAMLET])
    found = build_index([keys], [2], MODEL.get_input_embeddings())
    assert found is not None
    return found


def scored(text: str, index: KeyIndex, asked: list[int]) -> tuple[float, int, int]:
    """The score of a message, the edit that is meant, and how many sentences end in the answer."""
    statistics = index.statistics
    chat = statistics.chat
    assert chat is not None

    def read(sequences: Sequence[Sequence[int]]) -> torch.Tensor:
        asked.append(len(sequences))
        seen = capture(MODEL, locate(MODEL), statistics.layer, sequences)
        return torch.stack([each.states[-1] for each in seen])

    ids = torch.tensor([encode_chat(TOKENIZER, [user(text)])])
    embedded = MODEL.get_input_embeddings()(ids).detach()
    seen = torch.ones_like(ids, dtype=torch.bool)
    relations = torch.zeros(*ids.shape, statistics.relation_map.shape[1])
    whole = PromptFeatures(statistics.tokens(embedded), relations, statistics.flags_of(ids, embedded), seen, ids)
    found, stops = score_messages(
        whole, last_reply(ids, seen, chat), index, 0.0, SentenceReader(statistics, chat, read)
    )
    return float(found.scores.max()), int(found.best), int(stops)


def test_a_sentence_ends_with_its_sign() -> None:
    flags = [0, STOP, STOP, 0, 0, STOP, 0]
    assert sentences_of(flags, range(7)) == [[0, 1], [3, 4, 5], [6]]
    assert sentences_of(flags, [1, 2]) == []


@pytest.mark.parametrize("text", [OTHER, " ", "?!"])
def test_a_message_without_a_subject_is_not_read(index: KeyIndex, text: str) -> None:
    asked: list[int] = []
    score, _, stops = scored(text, index, asked)
    assert score == -float("inf") and stops == 0 and asked == []


@pytest.mark.parametrize("text", [FRANCE.prompt, f"It was a long day.\n{FRANCE.prompt}\nTell me."])
def test_a_question_means_the_same_wherever_it_stands(index: KeyIndex, text: str) -> None:
    alone, _, _ = scored(FRANCE.prompt, index, [])
    score, best, stops = scored(text, index, [])
    assert alone > 0 and best == 0 and stops == int(index.stops[0]) == 1
    assert score == pytest.approx(alone, abs=1e-3)


def test_two_questions_are_both_answered(index: KeyIndex) -> None:
    _, best, stops = scored(f"{FRANCE.prompt}\n{HAMLET.prompt}", index, [])
    assert best in (0, 1) and stops == 2


def test_subject_and_question_stand_in_one_sentence(index: KeyIndex) -> None:
    asked: list[int] = []
    score, _, _ = scored(f"France was in the news.\n{OTHER}", index, asked)
    # What is read is the sentence with the subject, and the whole message; not the question about something else.
    assert asked == [1, 1] and score < 0


def test_what_was_read_is_remembered(statistics: Statistics) -> None:
    asked: list[int] = []

    def read(sequences: Sequence[Sequence[int]]) -> torch.Tensor:
        asked.append(len(sequences))
        return torch.ones(len(sequences), statistics.relation_map.shape[0])

    assert statistics.chat is not None
    reader = SentenceReader(statistics, statistics.chat, read)
    first = reader([[5, 6], [7], [5, 6]])
    assert torch.equal(first, reader([[5, 6], [7], [5, 6]])) and len(first) == 3
    assert asked == [1, 1]
