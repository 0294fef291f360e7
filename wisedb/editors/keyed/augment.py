"""The prompts behind which an edit is learned: its own, the same behind other text, the same in fewer words."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from wisedb.edits import Edit
from wisedb.model.tokens import joined

# Of the words outside the subject so many are kept, drawn anew for each variation; where no subject is known the words
# may be what the prompt is about, and most of them stay.
_KEPT = (0.0, 0.8)
_KEPT_BLINDLY = (0.6, 0.9)


def views(edit: Edit, contexts: Sequence[str], variations: int, chooser: Random) -> tuple[str, ...]:
    """The edit's prompt bare, behind each context, and with words left out.

    A person who asks in other words keeps what is asked about and little else: a memory that learned the answer behind
    the whole sentence alone needs that sentence. No rephrase of the edit itself is looked at.

    Args:
        edit: what is learned.
        contexts: texts to put before the prompt.
        variations: how many times words are left out; fewer come out where two are alike.
        chooser: draws them.
    """
    shorter = (_shorter(edit, chooser) for _ in range(variations))
    found = dict.fromkeys((edit.prompt, *(joined(context, edit.prompt) for context in contexts), *shorter))
    return tuple(view for view in found if view)


def _shorter(edit: Edit, chooser: Random) -> str:
    subject = edit.subject
    if subject is None or not subject.strip() or subject not in edit.prompt:
        return _some(edit.prompt, chooser.uniform(*_KEPT_BLINDLY), chooser)
    before, after = edit.prompt.split(subject, 1)
    kept = chooser.uniform(*_KEPT)
    parts = (_some(before, kept, chooser), subject, _some(after, kept, chooser))
    return " ".join(part for part in parts if part)


def _some(text: str, kept: float, chooser: Random) -> str:
    return " ".join(word for word in text.split() if chooser.random() < kept)
