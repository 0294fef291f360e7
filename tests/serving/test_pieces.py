"""Pieces of an answer: whole letters, as they come about, and together the text."""

from __future__ import annotations

import pytest
import torch

from tests.models import tiny_chat_tokenizer
from wisedb.serving.pieces import Pieces

TOKENIZER = tiny_chat_tokenizer()


def pieces_of(text: str, *more: int) -> list[str]:
    """What is handed on of a prompt, the text token by token, and further tokens."""
    heard: list[str] = []
    pieces = Pieces(TOKENIZER, [TOKENIZER.eos_token_id], heard.append)
    pieces.put(torch.tensor([TOKENIZER("Who?")["input_ids"]]))
    for token in (*TOKENIZER(text)["input_ids"], *more):
        pieces.put(torch.tensor([token]))
    pieces.end()
    return heard


@pytest.mark.parametrize(
    "text", ["The capital", "Zürich, 東京 or Łódź", "one\n\ntwo  three", "\t four \n", "", "\ufffd!"]
)
def test_pieces_are_the_text_without_white_space_around_it(text: str) -> None:
    heard = pieces_of(text)
    assert "".join(heard) == text.strip() and "" not in heard


def test_each_token_is_said_when_it_comes_and_each_letter_when_it_is_whole() -> None:
    assert pieces_of("Łódź!") == ["Ł", "ó", "d", "ź", "!"]
    assert pieces_of("a  b") == ["a", "  b"]


def test_the_end_is_no_part_of_it_and_a_torn_letter_is_shown_as_one() -> None:
    assert pieces_of("Rome.", TOKENIZER.eos_token_id) == ["R", "o", "m", "e", "."]
    assert "".join(pieces_of("Rome", TOKENIZER("é")["input_ids"][0])) == "Rome\ufffd"
