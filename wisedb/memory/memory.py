"""A memory: what it changes, behind which gate, for which edits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from wisedb.errors import CorruptObject
from wisedb.memory.gates.base import Gate, GateName
from wisedb.memory.kinds.base import Change
from wisedb.memory.kinds.codebook import Codebook
from wisedb.memory.kinds.low_rank_rows import LowRankRows
from wisedb.memory.kinds.residual_memory import ResidualMemory

# Kinds whose parts only one gate can tell apart.
_GATES: Mapping[str, GateName] = MappingProxyType(
    {Codebook.kind: "nearest", LowRankRows.kind: "keys", ResidualMemory.kind: "overlap"}
)


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """One memory of a commit.

    Attributes:
        id: names it among the memories of a commit.
        change: how it changes a forward pass.
        gate: where it does.
        edits: the ids of the edits in force in it, in the order in which its parts count them.

    Raises:
        CorruptObject: keys, rows or a codebook for other edits than it holds, or a gate that the kind can't have.
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
        own = _GATES.get(self.change.kind)
        if self.gate.name != own and (own is not None or self.gate.name in ("nearest", "overlap")):
            raise CorruptObject(
                f"memory {self.id[:12]}: a {self.change.kind} can't stand behind the gate '{self.gate.name}'",
                hint="Run `wisedb fsck`.",
            )
        if self.by_edit and self.change.entries != len(self.edits):
            raise CorruptObject(
                f"memory {self.id[:12]} has parts for {self.change.entries} edits, and holds {len(self.edits)}",
                hint="Run `wisedb fsck`.",
            )

    @property
    def by_edit(self) -> bool:
        """Whether it has a part for each of its edits, of which the one answers that the gate names."""
        return isinstance(self.change, LowRankRows | ResidualMemory)

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
