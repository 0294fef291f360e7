"""The same prompt, written differently."""

from __future__ import annotations

import re
from random import Random

from wisedb.edits import Edit
from wisedb.model.subjects import subject_of

_QUESTION_MARKS = ("?", "？", "؟", "՞")
_MARK = re.compile(r"\s*[?？؟]$")
# "the X of S", X at most three words that are no names.
_OF = r"\b[Tt]he ((?:[a-z][a-z-]*\s){0,2}[a-z][a-z-]*) of "
_SHORT = 4
"""Letters of the shortest word in which a typing mistake leaves something to read."""


def subject_in(edit: Edit) -> str | None:
    """What the edit is about, as it stands in its prompt; None where nobody knows, or it isn't there."""
    subject = subject_of(edit)
    return subject if subject is not None and subject in edit.prompt else None


def is_question(text: str) -> bool:
    """Whether a text ends with a question mark. What doesn't is a beginning that the answer continues."""
    return text.endswith(_QUESTION_MARKS)


def without_mark(text: str) -> str:
    """A question without its mark."""
    return _MARK.sub("", text)


def lower_first(edit: Edit) -> str:
    """The prompt as it goes on behind a comma: its first letter small, unless it begins with a name."""
    prompt = edit.prompt
    first = prompt.split()[0]
    subject = subject_in(edit)
    name = (subject is not None and prompt.startswith(subject)) or first == "I" or any(map(str.isupper, first[1:]))
    return prompt if name else prompt[:1].lower() + prompt[1:]


def possessive(edit: Edit) -> str | None:
    """The prompt with France's capital for the capital of France, or None where it has no such words."""
    subject = subject_in(edit)
    if subject is None:
        return None
    found = re.search(_OF + r"((?:the )?" + re.escape(subject) + r")(?!\w)", edit.prompt)
    if found is None:
        return None
    head, tail = edit.prompt[: found.start()], edit.prompt[found.end() :]
    owner = found[2] if head else found[2][:1].upper() + found[2][1:]
    return f"{head}{owner}'s {found[1]}{tail}"


def mistyped(text: str, chooser: Random, *, inside: str | None = None, outside: str | None = None) -> str | None:
    """A text with two letters of one word changed about, or None where no word is long enough.

    Args:
        text: the text.
        chooser: where the choice of the word and the letters comes from.
        inside: the word is one of these, the first time that they stand in the text.
        outside: the word is none of these.
    """
    first, last = _span(text, inside) if inside is not None else (0, len(text))
    barred = _span(text, outside) if outside is not None else (0, 0)
    words = [
        match
        for match in re.finditer(r"[^\W\d_]+", text[first:last])
        if _swaps(match.group()) and not (first + match.start() < barred[1] and first + match.end() > barred[0])
    ]
    if not words:
        return None
    match = chooser.choice(words)
    word, place = match.group(), first + match.start()
    at = chooser.choice(_swaps(word))
    return text[:place] + word[:at] + word[at + 1] + word[at] + word[at + 2 :] + text[place + len(word) :]


def _span(text: str, part: str) -> tuple[int, int]:
    start = text.find(part)
    return (start, start + len(part)) if start >= 0 else (0, 0)


def _swaps(word: str) -> list[int]:
    # The first letter stays, as it mostly does where people mistype.
    return [at for at in range(1, len(word) - 1) if word[at] != word[at + 1]] if len(word) >= _SHORT else []
