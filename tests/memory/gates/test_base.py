"""A gate has a threshold where it needs one, and keys exactly where they have a say."""

from __future__ import annotations

import pytest

from tests.memory.keyed import keyed_memories
from tests.models import tiny_model
from wisedb.errors import CorruptObject
from wisedb.memory.gates.base import GATES, Gate, gate_name


@pytest.mark.parametrize("threshold", [float("nan"), float("inf"), -1.0])
def test_what_is_no_threshold_is_refused(threshold: float) -> None:
    with pytest.raises(CorruptObject, match="threshold"):
        Gate("activation", threshold)


def test_keys_belong_to_the_gates_that_ask_them() -> None:
    ring = keyed_memories(tiny_model("llama"))[0].gate.keys
    assert ring is not None
    for name in GATES:
        fits, misfits = (ring, None) if name in ("keys", "both") else (None, ring)
        gate = Gate(name, 0.0, fits)
        assert gate.by_keys == (fits is not None)
        assert gate.by_activation == (name in ("activation", "both"))
        with pytest.raises(CorruptObject, match="wrong keys"):
            Gate(name, 0.0, misfits)


def test_gates_are_known_by_their_names() -> None:
    assert [gate_name(name) for name in GATES] == ["always", "activation", "keys", "both", "nearest", "overlap"]
    with pytest.raises(CorruptObject, match="no gate 'best'"):
        gate_name("best")
    with pytest.raises(CorruptObject, match="no gate 'best'"):
        Gate("best")  # type: ignore[arg-type]
