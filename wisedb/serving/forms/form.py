"""A form: one way in which people write to a model, made for any edit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

from wisedb.edits import Edit
from wisedb.model.chat import Message
from wisedb.serving.asked import Prompt
from wisedb.serving.forms.others import Others

Make = Callable[[Edit, Others, Random], Prompt | None]
"""Gives an edit the form: from the edit, those beside it, and where choices come from; None where it can't have it."""

SENTENCES: Final = (
    "It rained all morning.",
    "My neighbour has bought a new bicycle.",
    "The train was late again.",
    "We had soup for lunch.",
    "The shop on the corner is closed today.",
    "I have to water the plants later.",
)
"""What stands around a question and has nothing to do with it."""


@dataclass(frozen=True, slots=True)
class Form:
    """One form.

    Attributes:
        name: as the table shows it.
        make: gives an edit the form.
        kind: ``plain``, a text that can be asked raw or as a user's message; ``chat``, a whole conversation.
        system: whether it has a system message.
    """

    name: str
    make: Make
    kind: Literal["plain", "chat"] = "plain"
    system: bool = False

    def of(self, edit: Edit, others: Others, seed: int) -> Prompt | None:
        """The edit in this form: the same for the same seed, whatever other forms and edits are asked."""
        return self.make(edit, others, Random(f"{seed} {self.name} {edit.key}"))


def said(content: str) -> Message:
    """A model's message."""
    return {"role": "assistant", "content": content}


def told(content: str) -> Message:
    """A system message."""
    return {"role": "system", "content": content}
