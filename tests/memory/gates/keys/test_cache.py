"""What a cache remembers for the keys."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import torch

from tests.memory.gates.keys.test_score import made
from wisedb.errors import UsageError
from wisedb.memory.cache_state import leave
from wisedb.memory.gates.keys.cache import Glimpse, KeyTrail, key_trail_of


def glimpse(*values: float, rows: int = 1) -> Glimpse:
    line = torch.tensor(values).expand(rows, -1)
    marks = line.to(torch.uint8)
    return Glimpse(line[..., None], -line[..., None], marks, torch.ones(rows, len(values), dtype=torch.bool))


def tokens(found: Glimpse | None) -> list[float] | None:
    return None if found is None else found.tokens[0, :, 0].tolist()


def test_a_trail_knows_every_position() -> None:
    index = made(0, 2, 1)
    cache = SimpleNamespace()
    trail = key_trail_of(cache, index)
    assert trail.before(0, 1) is None and trail.before(4, 1) is None
    trail = trail.extended(0, glimpse(1.0, 2.0)).extended(2, glimpse(3.0))
    assert [tokens(trail.before(past, 1)) for past in range(5)] == [None, [1], [1, 2], [1, 2, 3], [1, 2, 3]]
    again = trail.extended(1, glimpse(9.0))
    assert [tokens(again.before(past, 1)) for past in (1, 2, 3)] == [[1], [1, 9], [1, 9]]
    leave(cache, trail)
    assert key_trail_of(cache, index) is trail
    assert key_trail_of(copy.deepcopy(cache), index).parts == trail.parts
    assert key_trail_of(cache, made(0, 2, 1)).parts == ()


def test_a_trail_follows_repeated_rows_and_refuses_others() -> None:
    trail = KeyTrail(made(0, 1, 1)).extended(0, glimpse(1.0, rows=2))
    found = trail.before(1, 4)
    assert found is not None and found.seen.shape == (4, 1)
    for rows in (1, 3):
        with pytest.raises(UsageError, match="filled by 2 rows"):
            trail.before(1, rows)


def test_a_static_cache_s_length_is_never_read() -> None:
    trail = KeyTrail(made(0, 1, 1)).extended(torch.tensor(0), glimpse(1.0, 2.0), 3)
    trail = trail.extended(torch.tensor(2), glimpse(3.0, 4.0), 3)
    full, emptied = trail.before(torch.tensor(4), 1), trail.before(torch.tensor(0), 1)
    assert full is not None and emptied is not None
    # It never holds more than the cache can.
    assert tokens(full) == [2.0, 3.0, 4.0]
    assert full.seen.all() and not emptied.seen.any()
