"""Which positions a memory answers: a gate is chosen apart from the kind of memory that stands behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from wisedb.errors import CorruptObject
from wisedb.memory.gates.keys.edit_keys import EditKeys

GateName = Literal["always", "activation", "keys", "both", "nearest", "overlap"]
"""``always``: everywhere, no gate. ``activation``: where ΔW is excited enough (WISE §2.3.1). ``keys``: where a prompt
means one of the memory's edits. ``both``: where keys and activation say so. ``nearest``: where a key of a codebook is
within its radius (GRACE §3). ``overlap``: where a prompt's mask overlaps that of an edit (MEMOIR)."""

KeyFormat = Literal["raw", "chat", "both"]
"""Of which prompts keys are made: as they stand, behind the chat template where there is one, or in both ways."""

GATES: tuple[GateName, ...] = get_args(GateName)
KEY_FORMATS: tuple[KeyFormat, ...] = get_args(KeyFormat)


@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """The gate of one memory.

    Attributes:
        name: which kind of gate.
        threshold: ε, in units of Δ_act, from which on ``activation`` and ``both`` let the memory answer; τ,
            the share of a mask, for ``overlap``.
        keys: what tells that a prompt means one of the memory's edits, for ``keys`` and ``both``; their owners count
            the memory's edits.

    Raises:
        CorruptObject: a threshold that is none, or keys where none belong or none where some do.
    """

    name: GateName
    threshold: float = 0.0
    keys: EditKeys | None = None

    def __post_init__(self) -> None:
        if self.name not in GATES:
            raise CorruptObject(f"there is no gate '{self.name}'", hint="Run `wisedb fsck`.")
        if not math.isfinite(self.threshold) or self.threshold < 0:
            raise CorruptObject(f"{self.threshold} can't be a threshold", hint="Run `wisedb fsck`.")
        if (self.keys is not None) != self.by_keys:
            raise CorruptObject(f"the gate '{self.name}' has the wrong keys", hint="Run `wisedb fsck`.")

    @property
    def by_keys(self) -> bool:
        """Whether keys have a say."""
        return self.name in ("keys", "both")

    @property
    def by_activation(self) -> bool:
        """Whether the activation has a say."""
        return self.name in ("activation", "both")


def gate_name(name: str) -> GateName:
    """The gate of that name.

    Raises:
        CorruptObject: there is none.
    """
    for known in GATES:
        if name == known:
            return known
    raise CorruptObject(f"there is no gate '{name}'", hint="Run `wisedb fsck`.")
