"""Which of the prompts that measure were trained, all but for a word that says nothing. No torch.

An editor that makes up prompts leaves alone what its edits are measured by, word for word. An article, a capital or a
comma is enough to get past that: "The capital of the Suriname is" is trained, "The capital of Suriname is" is measured.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from wisedb.edits import Edit, normalise_prompt

# "s" is what is left of "Laos's".
_EMPTY: Final = frozenset({"a", "an", "the", "s"})
# Signs that say something, and those that do so only where they stand by themselves.
_SIGNS: Final = frozenset("+=<>")
_ALONE: Final = frozenset("-*/%^")
# Accents of scripts that can do without them. In others a mark can be a vowel.
_ACCENTS: Final = re.compile("[\u0300-\u036f]")


@dataclass(frozen=True, slots=True)
class Leaks:
    """What a stream must not be measured by.

    Attributes:
        prompts: the rephrases and locality prompts, normalised.
        rephrases: how many of the stream's rephrases these are.
        locality: how many of its locality prompts, each counted once.
    """

    prompts: frozenset[str]
    rephrases: int
    locality: int


def words_of(text: str) -> tuple[str, ...]:
    """A text's words without articles, case, accents and punctuation."""
    folded = _ACCENTS.sub("", unicodedata.normalize("NFKD", text).casefold())
    words = (word for part in folded.split() for word in ((part,) if part in _ALONE else _spaced(part).split()))
    return tuple(word for word in words if word not in _EMPTY)


def _spaced(part: str) -> str:
    # Letters, digits and the marks on them stay together.
    return "".join(
        char if unicodedata.category(char)[0] in "LMN" else f" {char} " if char in _SIGNS else " " for char in part
    )


def leaks(edits: Sequence[Edit], trained: Iterable[str]) -> Leaks:
    """The rephrases and locality prompts of a stream whose words were trained.

    Args:
        edits: the stream, as far as it is written; its own prompts count as trained.
        trained: the other prompts that are trained.
    """
    seen = {words_of(text) for text in (*(edit.prompt for edit in edits), *trained)}
    rephrases = [text for edit in edits for text in edit.rephrases if words_of(text) in seen]
    everywhere = dict.fromkeys(item.prompt for edit in edits for item in edit.locality)
    locality = [text for text in everywhere if words_of(text) in seen]
    return Leaks(frozenset(map(normalise_prompt, (*rephrases, *locality))), len(rephrases), len(locality))
