"""Words that stand for a subject that was named before."""

from __future__ import annotations

import pytest
import torch

from tests.models import tiny_chat_tokenizer
from wisedb.memory.gates.keys.pronouns import Pronouns, pronoun_tokens, pronouns_of


class Words:
    """A tokenizer whose tokens are words, with the space in front, and "'s"."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def __call__(self, text: str, add_special_tokens: bool) -> dict[str, list[int]]:
        pieces: list[str] = []
        word = ""
        for sign in text:
            if sign in " '" and word:
                pieces, word = [*pieces, word], ""
            word += sign
        return {"input_ids": [self.known.setdefault(piece, len(self.known)) for piece in [*pieces, word] if piece]}

    def ids(self, text: str) -> list[int]:
        return self(text, add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("What is its capital?", "What is New France's capital?"),
        ("Who runs it now?", "Who runs New France now?"),
        ("And their currency?", "And New France's currency?"),
        ("Do they like it?", "Do New France like it?"),
        ("What is the item worth?", None),
    ],
)
def test_the_subject_takes_the_first_pronouns_place(sentence: str, found: str | None) -> None:
    words = Words()
    pronouns = pronouns_of(pronoun_tokens(words))
    wanted = None if found is None else words.ids(found)
    assert pronouns.in_place(words.ids(sentence), words.ids("in New France")[1:]) == wanted


def test_a_pronoun_begins_a_sentence_too() -> None:
    words = Words()
    pronouns = pronouns_of(pronoun_tokens(words))
    assert pronouns.in_place(words.ids("Its capital?"), [7]) == [7, *words.ids("a's")[1:], *words.ids("a capital?")[1:]]


def test_words_of_several_tokens_are_left_alone() -> None:
    tokens = pronoun_tokens(tiny_chat_tokenizer())
    assert tokens.dtype == torch.int32 and tokens.shape[1:] == (2,)
    assert pronouns_of(torch.zeros(0, 2, dtype=torch.int32)) == Pronouns({}, [])


@pytest.mark.parametrize(
    ("sentence", "only"),
    [
        ("And of New France", True),
        ("What about New France", True),
        ("New France", False),
        ("Who runs New France", False),
        ("And of Old France", False),
    ],
)
def test_a_sentence_may_name_a_thing_and_ask_nothing_of_it(sentence: str, only: bool) -> None:
    words = Words()
    pronouns = pronouns_of(pronoun_tokens(words))
    assert pronouns.only_names(words.ids(sentence), words.ids("in New France")[1:]) is only


@pytest.mark.parametrize(
    ("sentence", "clauses"),
    [
        ("Who runs it and who owns it", ["Who runs it", " who owns it"]),
        (" and who owns it and", [" who owns it"]),
        ("Who runs it", ["Who runs it"]),
    ],
)
def test_a_sentence_has_clauses(sentence: str, clauses: list[str]) -> None:
    words = Words()
    pronouns = pronouns_of(pronoun_tokens(words))
    ids = words.ids(sentence)
    assert [[ids[place] for place in clause] for clause in pronouns.clauses(ids)] == list(map(words.ids, clauses))


def test_a_colon_leads_to_what_follows() -> None:
    words = Words()
    pronouns = pronouns_of(pronoun_tokens(words))
    assert pronouns.leads == frozenset(words.ids("a :")[1:])
    # Stores from before know none.
    rest = [row for row in pronoun_tokens(words).tolist() if row[0] not in pronouns.leads]
    assert pronouns_of(torch.tensor(rest)).leads == frozenset()
