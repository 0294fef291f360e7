"""What a question asks of its subject, whatever its wording."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
import torch

from wisedb.memory.gates.keys.question_map import (
    compute_question_map,
    question_state,
    shipped_questions,
    shipped_statements,
)

WIDTH = 24


def test_a_conversation_asks_by_its_end_and_by_its_message() -> None:
    states = torch.tensor([[9.0, 9.0], [1.0, 2.0], [3.0, 6.0]])
    assert question_state(states[1:]).tolist() == [3.0, 6.0, 2.0, 4.0]


@pytest.mark.parametrize("subjects", [1, 2])
def test_the_set_asks_for_each_fact_in_several_wordings_of_its_own(subjects: int) -> None:
    questions = shipped_questions(subjects)
    assert len({question.text for question in questions}) == len(questions)
    facts = Counter(question.fact for question in questions)
    assert sorted(facts) == list(range(len(facts)))
    about = {question.fact: question.subject for question in questions}
    # Of each thing six facts in nine wordings, and four that may be asked of anything in four.
    for thing in set(about.values()):
        assert [facts[fact] for fact in sorted(facts) if about[fact] == thing] == [9] * 6 + [4] * 4
    assert len(set(about.values())) == 20 * subjects


def asked(questions: Sequence[str]) -> torch.Tensor:
    """States in which the manner of asking is large, and the fact small; other facts than the set's are there too."""
    known = {question.text: question for question in shipped_questions()}
    generator = torch.Generator().manual_seed(0)
    facts = torch.randn(len(known), 6, generator=generator)
    manner = torch.randn(len(questions), 6, generator=generator)
    rows = torch.stack([facts[known[question].fact] for question in questions])
    return torch.cat([rows, 5 * manner, 5 * manner, rows], dim=1)


def test_what_is_asked_counts_and_how_does_not() -> None:
    questions = shipped_questions()
    mean, found = compute_question_map(asked([question.text for question in questions]), questions, 6)
    assert mean.shape == (WIDTH,) and found.shape == (WIDTH, 6) and found.dtype == torch.float32
    generator = torch.Generator().manual_seed(1)
    facts, manner = torch.randn(2, 6, generator=generator), torch.randn(3, 6, generator=generator)

    def key(fact: int, how: int) -> torch.Tensor:
        state = torch.cat([facts[fact], 5 * manner[how], 5 * manner[how], facts[fact]])
        return torch.nn.functional.normalize((state - mean) @ found, dim=0)

    plainly = torch.cat([facts, 5 * manner[:2]], dim=1)
    raw = torch.nn.functional.normalize(plainly - plainly.mean(dim=0), dim=1)
    assert float(raw[0] @ raw[1]) < 0
    assert float(key(0, 0) @ key(0, 1)) > 0.9 and float(key(1, 0) @ key(1, 2)) > 0.9
    assert abs(float(key(0, 0) @ key(1, 0))) < 0.8


def test_keys_have_the_width_that_is_asked_for() -> None:
    questions = shipped_questions()
    _, wide = compute_question_map(asked([question.text for question in questions]), questions, 48)
    assert wide.shape == (WIDTH, 48) and torch.isfinite(wide).all()
    assert not wide[:, WIDTH:].any() and wide[:, :4].any()


def test_sentences_that_ask_for_nothing_ship_too() -> None:
    statements = shipped_statements()
    assert len(statements) > 50 and all(text.endswith(".") and "?" not in text for text in statements)
    assert not set(statements) & {question.text for question in shipped_questions()}
    # Of the wordings of a fact the last two ask for a text, the one before them now and then.
    asked = [question.request for question in shipped_questions()[:9]]
    assert asked == [False] * 6 + [None] + [True] * 2
