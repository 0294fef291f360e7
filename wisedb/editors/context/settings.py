"""What can be set about facts in the context."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ContextSettings:
    """How facts are found.

    Attributes:
        target: the module for whose depth keys are made, by its path in the model; empty before the model is known.
        rephrases: whether an edit's rephrases are keys too; they measure no generalization then.
    """

    target: str = ""
    rephrases: bool = False
