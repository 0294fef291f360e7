"""What a text is about, and the same text with made-up names in its place, so that no real fact is touched."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from random import Random

from wisedb.edits import Edit
from wisedb.model.words import caseless, script_of, unspaced, word_spans

_OPENING = "\"'“‘«([{"
_CLOSING = re.compile(r"[,.;:!?\"”»)\]}]+$|['’]s?$")
# The small words inside a name: "of", "de la", "van der", "and".
_SMALL = 3
_SIGNS = ".,;:!?\"'()"
# Signs of a script without spaces that stand for a word.
_PAIR = 2


def subject_of(edit: Edit, prompt: str | None = None) -> str | None:
    """What an edit is about: the subject that it names, else what its prompt seems to be about.

    This is the one rule for keys, paraphrases and sharding alike.

    Args:
        edit: the edit.
        prompt: another prompt of the edit, such as a rephrase, to look through where no subject is named.

    Returns:
        a text that is not blank, or None where nobody knows. A subject that is named and isn't in the edit's own prompt
        counts only where the prompt seems to be about nothing: no question could be found by it.
    """
    named = edit.subject if edit.subject and edit.subject.strip() else None
    if named is not None and edit.names_subject:
        return named
    return likely_subject(edit.prompt if prompt is None else prompt) or named


def names(texts: Sequence[str]) -> tuple[str, ...]:
    """The words of unrelated texts that look like parts of names, each once; all their words if none does.

    In scripts with capitals they begin with one. The first word of a text is capital whatever it is, and doesn't count.
    In other scripts any word may be part of a name: where there are no spaces, two signs, or a run of katakana.
    """
    words = dict.fromkeys(word.strip(_SIGNS) for text in texts for word in text.split()[1:])
    capital = [word for word in words if word[:1].isupper()]
    others = dict.fromkeys(part for text in texts for part in _caseless_words(text))
    found = (*capital, *others)
    return found or tuple(word for word in words if word)


def with_other_subjects(text: str, subject: str | None, words: Sequence[str], count: int, chooser: Random) -> list[str]:
    """The text with two random words for its subject, ``count`` times.

    Args:
        text: a prompt or any other text.
        subject: what it is about, as it stands there; without one (or where it isn't there) a word that looks like a
            name takes its place, any word if none does: two signs, in a script without spaces.
        words: what made-up names are made of, two different words at least; those in the subject's script are taken,
            where there are two.
        count: how many texts.
        chooser: where the choices come from.

    Returns:
        nothing for a text without words, or with fewer than two words to choose from.
    """
    if len(words) < 2 or not text.split():
        return []
    if subject is None or not subject.strip() or subject not in text:
        start, end = _place(text, chooser)
        text = " ".join(text.split())
    else:
        start = text.index(subject)
        end = start + len(subject)
    some, space = _fitting(text[start:end], words)
    return [text[:start] + space.join(chooser.sample(some, 2)) + text[end:] for _ in range(count)]


def _place(text: str, chooser: Random) -> tuple[int, int]:
    """Where a random word stands in a text with single spaces in it; one that looks like a name if any does."""
    parts = text.split()
    numbers = [number for number, word in enumerate(parts) if number and word[:1].isupper()]
    number = chooser.choice(numbers or range(len(parts)))
    start = sum(len(part) + 1 for part in parts[:number])
    part = parts[number]
    signs = [] if numbers else [span for span in word_spans(part) if unspaced(part[span[0]])]
    if not signs:
        return start, start + len(part)
    # What is asked shows at the last sign: that one stays, where there are others.
    first = chooser.randrange(max(1, len(signs) - _PAIR))
    return start + signs[first][0], start + signs[min(first + _PAIR, len(signs)) - 1][1]


def _fitting(name: str, words: Sequence[str]) -> tuple[list[str], str]:
    """The words in a name's script, all of them where there are fewer than two, and what joins them."""
    script = script_of(name)
    some = [word for word in words if script_of(word) == script]
    space = "" if any(map(unspaced, name)) else " "
    return (some if len(some) > 1 else list(words)), space


def _caseless_words(text: str) -> Iterator[str]:
    """The words of a text in scripts without capitals; without spaces, pairs of signs and longer ones as they are."""
    waiting: tuple[int, int] | None = None
    for start, end in word_spans(text):
        if not caseless(text[start:]):
            waiting = None
        elif not unspaced(text[start]) or end - start > _PAIR:
            yield text[start:end]
            waiting = None
        elif waiting is not None and waiting[1] == start:
            yield text[waiting[0] : end]
            waiting = None
        else:
            waiting = (start, end)


def likely_subject(text: str) -> str | None:
    """What a text seems to be about, where nobody says: its longest run of words that are spelt like a name.

    Such a word begins with a capital letter or a digit; up to two small words may stand between two of them. A text's
    first word is capital whatever it is, and makes no run by itself.

    Returns:
        the run as it stands in the text, or None: in a text without capitals, or a script without them.
    """
    runs: list[tuple[int, int, int]] = []
    small = 0
    open_run = False
    for number, match in enumerate(re.finditer(r"\S+", text)):
        word = match.group()
        bare = word.lstrip(_OPENING)
        end = match.end() - len(found.group() if (found := _CLOSING.search(word)) else "")
        if bare[:1].isupper() or bare[:1].isdigit():
            start = match.start() + len(word) - len(bare)
            if open_run:
                runs[-1] = (runs[-1][0], end, number)
            else:
                runs.append((start, end, number))
            # The first word, capital or not, joins a name only where that follows at once.
            open_run, small = end == match.end(), 0 if number else 2
        elif open_run and len(word) <= _SMALL and small < 2:
            small += 1
        else:
            open_run = False
    named = [(end - start, text[start:end]) for start, end, number in runs if number and end > start]
    return max(named, key=lambda item: item[0])[1] if named else None
