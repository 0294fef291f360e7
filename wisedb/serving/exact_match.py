"""When two answers are the same answer."""

from __future__ import annotations

import unicodedata

_CLOSING = ".!?,;:…。！？،؛"


def normalise_answer(text: str) -> str:
    r"""The spelling in which exact match compares answers.

    One Unicode form (NFC), case folded, white space collapsed, and the punctuation that closes a sentence dropped, so
    that ``" Canberra.\n"`` and ``"canberra"`` are one answer. Punctuation inside stays.
    """
    plain = " ".join(unicodedata.normalize("NFC", text).casefold().split())
    return plain.rstrip(_CLOSING + " ") or plain


def same_answer(one: str, other: str) -> bool:
    """Whether two texts are the same answer, see :func:`normalise_answer`."""
    return normalise_answer(one) == normalise_answer(other)


def may_become(begun: str, answer: str) -> bool:
    """Whether a text that goes on may still become the same answer as another, see :func:`same_answer`."""
    # What is half a character so far, or a letter whose accent comes apart, says nothing yet.
    begun, answer = (unicodedata.normalize("NFD", normalise_answer(text)) for text in (begun.rstrip("\ufffd"), answer))
    return answer.startswith(begun)
