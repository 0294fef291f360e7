"""What an edit is trained behind, and what counts as unrelated to it (D_edit and D_irr of §2.3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from wisedb.model.subjects import likely_subject, names, subject_of
from wisedb.model.tokens import joined

if TYPE_CHECKING:
    from wisedb.edits import Edit


def views(edit: Edit, contexts: Sequence[str]) -> list[str]:
    """x_e: the edit's prompt, bare and behind each prefix context (appendix: about 10 that the model writes itself)."""
    return [edit.prompt, *(joined(context, edit.prompt) for context in contexts)]


def neighbours(edit: Edit, pool: Sequence[str], count: int, chooser: Random) -> list[str]:
    """x_i nearest to the edit: its own prompt about something else, ``count`` times.

    The other subject is made of two words of the pool that look like names: it is nobody's, so that no real fact is
    trained on. None where the prompt names no subject.

    Args:
        edit: the edit.
        pool: the pool's unrelated prompts.
        count: how many.
        chooser: where the choices come from.
    """
    words, subject = names(pool), subject_of(edit)
    if not subject or subject not in edit.prompt or len(words) < 2:
        return []
    head, _, tail = edit.prompt.partition(subject)
    return [head + " ".join(chooser.sample(words, 2)) + tail for _ in range(count)]


def other_questions(edit: Edit, pool: Sequence[str], count: int, chooser: Random) -> list[str]:
    """x_i about the edit's own subject: prompts of the pool with it in the place of theirs, ``count`` at most.

    One of them may ask what the edit asks: whoever trains on them leaves out what the unedited model answers alike.

    Args:
        edit, pool, count, chooser: as for :func:`neighbours`.
    """
    subject = subject_of(edit)
    if not subject:
        return []
    found: list[str] = []
    for prompt in chooser.sample(pool, len(pool)):
        if len(found) == count:
            break
        about = likely_subject(prompt)
        # A prompt that ends with its subject has nothing behind it that would tell what is asked.
        if about and not prompt.endswith(about):
            found.append(prompt.replace(about, subject, 1))
    return found
