"""Whether a reply says an answer, and not another one."""

from __future__ import annotations

import unicodedata

from wisedb.model.words import unspaced
from wisedb.serving.exact_match import normalise_answer

_WORD = frozenset("LMN")
"""Letters, the marks on them, and digits, by the first letter of Unicode's category."""


def words_of(text: str) -> tuple[str, ...]:
    """A text's words without case and punctuation; in a script without spaces each sign is a word."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    spaced = (_spaced(sign) if unicodedata.category(sign)[0] in _WORD else " " for sign in folded)
    return tuple("".join(spaced).split())


def says(reply: str, target: str, old: str | None = None) -> bool:
    """Whether a reply has the words of the target, one behind the other, and nowhere those of the old answer.

    Case and punctuation don't count. Where the old answer is a part of the target ("York" of "New York"), saying the
    target isn't saying it.

    Args:
        reply: what was said.
        target: the answer that is wanted.
        old: the one that isn't; ``None`` where there is none.
    """
    new, before = words_of(target), words_of(old or "")
    if not new:
        # An answer of signs alone.
        return normalise_answer(target) in normalise_answer(reply)
    said: tuple[str | None, ...] = words_of(reply)
    if not _places(said, new):
        return False
    if not before or before == new:
        return True
    return not _places(_without(said, new) if _places(new, before) else said, before)


def _spaced(sign: str) -> str:
    return f" {sign} " if unspaced(sign) else sign


def _places(words: tuple[str | None, ...], run: tuple[str, ...]) -> list[int]:
    return [start for start in range(len(words) - len(run) + 1) if words[start : start + len(run)] == run]


def _without(words: tuple[str | None, ...], run: tuple[str, ...]) -> tuple[str | None, ...]:
    taken = {start + place for start in _places(words, run) for place in range(len(run))}

    return tuple(None if place in taken else word for place, word in enumerate(words))
