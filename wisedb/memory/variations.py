"""A text asked of something else: made-up names in the place of what it is about, so that no real fact is touched."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

_SIGNS = ".,;:!?\"'()"


def names(texts: Sequence[str]) -> tuple[str, ...]:
    """The words of unrelated texts that look like parts of names, each once; all their words if none does.

    The first word of a text is capital whatever it is, and doesn't count.
    """
    words = dict.fromkeys(word.strip(_SIGNS) for text in texts for word in text.split()[1:])
    found = tuple(word for word in words if word[:1].isupper())
    return found or tuple(word for word in words if word)


def swapped(text: str, subject: str | None, words: Sequence[str], count: int, chooser: Random) -> list[str]:
    """The text with two random words for its subject, ``count`` times.

    Args:
        text: a prompt or any other text.
        subject: what it is about, as it stands there; without one (or where it isn't there) a word that looks like a
            name takes its place, any word if none does.
        words: what made-up names are made of, two different words at least.
        count: how many texts.
        chooser: where the choices come from.

    Returns:
        nothing for a text without words, or with fewer than two words to choose from.
    """
    if len(words) < 2 or not text.split():
        return []
    if subject is not None and subject.strip() and subject in text:
        head, _, tail = text.partition(subject)
        return [head + " ".join(chooser.sample(list(words), 2)) + tail for _ in range(count)]
    parts = text.split()
    places = [place for place, word in enumerate(parts) if place and word[:1].isupper()] or list(range(len(parts)))
    place = chooser.choice(places)
    return [" ".join([*parts[:place], *chooser.sample(list(words), 2), *parts[place + 1 :]]) for _ in range(count)]
