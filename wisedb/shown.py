"""An edit's texts as people read them. Nothing else is imported: the command line wants this before anything else."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any, Final

# They turn the direction of what follows, also outside of the text, or can't be seen at all.
_DIRECTION: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")

_BEHIND = " › "


def shown_messages(record: Mapping[str, Any]) -> str:
    """The conversation before the prompt of an edit's JSON record, nothing without one."""
    return _BEHIND.join(f"{each['role']}: {each['content']}" for each in record.get("messages", ()))


def shown_prompt(record: Mapping[str, Any]) -> str:
    """The prompt of an edit's JSON record, behind its conversation."""
    before = shown_messages(record)
    return f"{before}{_BEHIND}{record['prompt']}" if before else str(record["prompt"])


def is_hidden(character: str) -> bool:
    """Whether a character can't be seen but would be obeyed: controls, directions, halves of surrogate pairs."""
    return character in _DIRECTION or unicodedata.category(character) in {"Cc", "Cs"}


def visible(text: str, kept: str = "\n\t") -> str:
    r"""The text with what can't be seen but would be obeyed as its code, as in ``\u202e``; ``kept`` stays."""
    return "".join(
        f"\\u{ord(character):04x}" if character not in kept and is_hidden(character) else character
        for character in text
    )
