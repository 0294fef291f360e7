"""What an edit is trained behind, and what counts as unrelated to it (D_edit and D_irr of §2.3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from wisedb.model.subjects import likely_subject, names
from wisedb.model.tokens import joined

if TYPE_CHECKING:
    from wisedb.edits import Edit


def views(edit: Edit, contexts: Sequence[str]) -> list[str]:
    """x_e: the edit's prompt, bare and behind each prefix context (appendix: about 10 that the model writes itself)."""
    return [edit.prompt, *(joined(context, edit.prompt) for context in contexts)]


def neighbours(edit: Edit, pool: Sequence[str], count: int, chooser: Random) -> list[str]:
    """x_i nearest to the edit: its own prompt about something else, ``count`` times.

    The other subject is made of two words of the pool that look like names: it is nobody's, so that no real fact is
    trained on. Where the edit doesn't say its subject, what looks like a name takes its place; none where nothing does.

    Args:
        edit: the edit.
        pool: the pool's unrelated prompts.
        count: how many.
        chooser: where the choices come from.
    """
    words = names(pool)
    subject = edit.subject if edit.subject and edit.subject in edit.prompt else likely_subject(edit.prompt)
    if not subject or len(words) < 2:
        return []
    head, _, tail = edit.prompt.partition(subject)
    return [head + " ".join(chooser.sample(words, 2)) + tail for _ in range(count)]
