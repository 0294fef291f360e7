"""How long work tells how far it is, without knowing who listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """One report.

    Attributes:
        phase: what is being done, one or two words (``"training"``).
        done: finished units.
        total: all units.
        loss: the loss of the newest unit, in nats per token plus the routing margins, where there is one.
        unit: what is counted: ``"B"`` for bytes, empty for whatever the phase says.
    """

    phase: str
    done: int
    total: int
    loss: float | None = None
    unit: str = ""


Listener = Callable[[Progress], None]
"""Takes reports; must return quickly and not raise."""


class Counter:
    """Counts what is done of one phase.

    Args:
        listener: is told, if there is one.
        phase: see :class:`Progress`.
        total: all units.
    """

    def __init__(self, listener: Listener | None, phase: str, total: int) -> None:
        self._listener, self._phase, self._total, self._done = listener, phase, total, 0
        self.add(0)

    def add(self, units: int) -> None:
        """So many more are done."""
        self._done = min(self._done + units, self._total)
        if self._listener is not None:
            self._listener(Progress(self._phase, self._done, self._total))
