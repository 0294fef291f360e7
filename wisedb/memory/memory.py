"""A memory: what it changes, behind which gate, for which edits."""

from __future__ import annotations

from dataclasses import dataclass

from wisedb.errors import CorruptObject
from wisedb.memory.gates.base import Gate
from wisedb.memory.kinds.base import Change
from wisedb.memory.kinds.codebook import Codebook


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """One memory of a commit.

    Attributes:
        id: names it among the memories of a commit.
        change: how it changes a forward pass.
        gate: where it does.
        edits: the ids of the edits in force in it, in the order in which its parts count them.

    Raises:
        CorruptObject: keys or a codebook for more edits than it holds, or a gate that the kind can't have.
    """

    id: str
    change: Change
    gate: Gate
    edits: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        owners = [] if self.gate.keys is None else [self.gate.keys.owners]
        owners += [self.change.owners] if isinstance(self.change, Codebook) else []
        if any(len(some) and int(some.max()) >= len(self.edits) for some in owners):
            raise CorruptObject(
                f"memory {self.id[:12]}: there are keys for more edits than it holds", hint="Run `wisedb fsck`."
            )
        if (self.gate.name == "nearest") != (self.change.kind == "codebook"):
            raise CorruptObject(
                f"memory {self.id[:12]}: a {self.change.kind} can't stand behind the gate '{self.gate.name}'",
                hint="Run `wisedb fsck`.",
            )

    @property
    def always_on(self) -> bool:
        """Whether it answers everywhere."""
        return self.gate.name == "always"

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules that it changes."""
        return self.change.modules

    @property
    def size(self) -> int:
        """Bytes of its change, as it is kept."""
        return self.change.size
