"""Kinds are found by the names that commits record."""

from __future__ import annotations

import pytest

from wisedb.errors import FormatTooNew, UnknownKind
from wisedb.memory.kinds.codebook import Codebook
from wisedb.memory.kinds.deferral import Deferral
from wisedb.memory.kinds.facts_in_context import FactsInContext
from wisedb.memory.kinds.full_delta import FullDelta
from wisedb.memory.kinds.low_rank_delta import LowRankDelta
from wisedb.memory.kinds.low_rank_rows import LowRankRows
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.memory.kinds.registry import KINDS, kind_of
from wisedb.memory.kinds.residual_memory import ResidualMemory
from wisedb.store.contents import VERSIONS


def test_kinds_are_known_by_their_names() -> None:
    assert dict(KINDS) == {
        "masked_delta": MaskedDelta,
        "low_rank_delta": LowRankDelta,
        "low_rank_rows": LowRankRows,
        "full_delta": FullDelta,
        "residual_memory": ResidualMemory,
        "codebook": Codebook,
        "deferral": Deferral,
        "context": FactsInContext,
    }
    for name, kind in KINDS.items():
        assert kind_of(name) is kind
        assert kind.kind == name
        assert kind.origin != kind.main


def test_a_kind_of_a_newer_version_is_unknown() -> None:
    with pytest.raises(UnknownKind, match="'transformer_patch'") as caught:
        kind_of("transformer_patch")
    assert "Upgrade" in caught.value.hint
    assert isinstance(caught.value, FormatTooNew)


def test_the_store_knows_the_blobs_of_every_kind() -> None:
    assert {kind.main for kind in KINDS.values()} == VERSIONS
