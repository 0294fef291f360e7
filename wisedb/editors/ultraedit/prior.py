"""Edits that nobody wants, by which the running mean and variance begin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wisedb.edits import Edit
from wisedb.model.words import pieces

if TYPE_CHECKING:
    pass


def prior_edits(prompts: Sequence[str], count: int) -> list[Edit]:
    """Each unrelated prompt without its last word, and in that word's place the last word of the next prompt.

    As with a real edit, the answer is not what the model would say. Prompts of one word don't count.

    Args:
        prompts: unrelated prompts.
        count: of how many, at most.
    """
    cut = [words for prompt in prompts if len(words := pieces(prompt)) > 1][:count]
    others = [*cut[1:], *cut[:1]]
    return [Edit("".join(words[:-1]).strip(), other[-1].strip()) for words, other in zip(cut, others, strict=True)]
