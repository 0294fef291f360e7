"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

OK: Final = "ok"
NOTE: Final = "note"
WARNING: Final = "warning"
WRONG: Final = "wrong"

STATES: Final = (OK, NOTE, WARNING, WRONG)
"""``note``: works without it. ``warning``: works, and somebody should look. ``wrong``: something won't work."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was found.

    Attributes:
        name: what was looked at.
        state: one of :data:`STATES`.
        detail: what was found, in a line; never a secret.
        hint: what to do, or nothing.
    """

    name: str
    state: str
    detail: str
    hint: str = ""

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return {"name": self.name, "state": self.state, "detail": self.detail, "hint": self.hint}
