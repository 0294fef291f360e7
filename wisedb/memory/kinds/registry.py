"""The kinds of memories by their names."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from wisedb.errors import UnknownKind
from wisedb.memory.kinds.base import Change
from wisedb.memory.kinds.codebook import Codebook
from wisedb.memory.kinds.deferral import Deferral
from wisedb.memory.kinds.facts_in_context import FactsInContext
from wisedb.memory.kinds.full_delta import FullDelta
from wisedb.memory.kinds.low_rank_delta import LowRankDelta
from wisedb.memory.kinds.low_rank_rows import LowRankRows
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.memory.kinds.residual_memory import ResidualMemory

KINDS: Mapping[str, type[Change]] = MappingProxyType(
    {
        kind.kind: kind
        for kind in (
            MaskedDelta,
            LowRankDelta,
            LowRankRows,
            FullDelta,
            ResidualMemory,
            Codebook,
            Deferral,
            FactsInContext,
        )
    }
)


def kind_of(name: str) -> type[Change]:
    """The kind of that name.

    Raises:
        UnknownKind: this version doesn't know it.
    """
    if name not in KINDS:
        raise UnknownKind(f"this wisedb knows no memory of the kind '{name}'", hint="Upgrade wisedb.")
    return KINDS[name]
