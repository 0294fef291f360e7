"""Near neighbours: an edit's own prompt asked of something else, which must not wake its shard."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from wisedb.edits import Edit


def names(prompts: Sequence[str]) -> tuple[str, ...]:
    """The words of unrelated prompts that look like parts of names, each once; all their words if none does.

    The first word of a prompt is capital whatever it is, and doesn't count.
    """
    words = dict.fromkeys(word.strip(".,;:!?\"'()") for prompt in prompts for word in prompt.split()[1:])
    found = tuple(word for word in words if word[:1].isupper())
    return found or tuple(word for word in words if word)


def neighbours(edit: Edit, words: Sequence[str], count: int, chooser: Random) -> list[str]:
    """The edit's prompt with another subject, ``count`` times; none where its subject isn't known.

    The other subject is made of two words drawn at random: it is nobody's, so that no real fact is trained on, least
    of all one that measures locality.
    """
    if edit.subject is None or not edit.subject.strip() or edit.subject not in edit.prompt or len(words) < 2:
        return []
    return [edit.prompt.replace(edit.subject, " ".join(chooser.sample(words, 2))) for _ in range(count)]
