"""Arithmetic on bit patterns by hand; that no pattern is lost is shown with the codec."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wisedb.store.blobs import ITEM_SIZES
from wisedb.store.byte_shuffle import shuffle, steps, unshuffle, walk


def test_all_first_bytes_stand_before_all_second_ones() -> None:
    assert shuffle(b"a1b2c3", "U16") == b"abc123"
    assert unshuffle(b"abc123", "U16") == b"a1b2c3"
    assert shuffle(b"abc", "U8") == b"abc" and shuffle(b"", "F64") == b""


@pytest.mark.parametrize(
    ("value", "reference", "distance"),
    [(1.0, 1.0, 0), (0.0, -0.0, 2), (-0.0, 0.0, 1), (1.0 + 2**-23, 1.0, 2), (1.0, 1.0 + 2**-23, 1), (2**-149, -0.0, 4)],
)
def test_distances_are_steps_of_the_last_place_in_a_zigzag(value: float, reference: float, distance: int) -> None:
    found = steps(struct.pack("<f", value), struct.pack("<f", reference), "F32")
    assert struct.unpack("<I", found) == (distance,)


@given(st.sampled_from(sorted(ITEM_SIZES)), st.data())
def test_whoever_walks_the_steps_arrives(dtype: str, data: st.DataObject) -> None:
    size = ITEM_SIZES[dtype] * data.draw(st.integers(0, 5))
    value, reference = (data.draw(st.binary(min_size=size, max_size=size)) for _ in range(2))
    assert walk(steps(value, reference, dtype), reference, dtype) == value
    assert unshuffle(shuffle(value, dtype), dtype) == value
