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
