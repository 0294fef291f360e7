"""Tensors as bytes: the same bits come back, whatever the dtype, the strides and the values."""

from __future__ import annotations

import math

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from wisedb.errors import CorruptObject
from wisedb.model.tensors import DTYPES, from_raw, to_raw


@given(
    st.sampled_from(sorted(set(DTYPES) - {"BOOL"})), st.lists(st.integers(0, 3), max_size=3), st.binary(max_size=512)
)
def test_every_bit_pattern_survives(name: str, shape: list[int], noise: bytes) -> None:
    size = math.prod(shape) * DTYPES[name].itemsize
    data = (noise * size + bytes(size))[:size]
    tensor = from_raw(name, tuple(shape), data)
    assert tensor.dtype == DTYPES[name]
    assert to_raw(tensor) == (name, tuple(shape), data)


@pytest.mark.parametrize("name", sorted(DTYPES))
def test_the_bytes_are_those_of_safetensors(name: str) -> None:
    tensor = torch.tensor([[0, 1, 2], [3, 4, 5]]).to(DTYPES[name])
    raw = to_raw(tensor)
    saved = safetensors.torch.save({"x": tensor})
    assert raw.dtype.encode() in saved
    assert saved.endswith(raw.data)


def test_strides_do_not_matter() -> None:
    tensor = torch.arange(6.0).reshape(2, 3)
    assert to_raw(tensor.T) == to_raw(tensor.T.contiguous())
    assert to_raw(torch.tensor(1.5)) == ("F32", (), to_raw(torch.tensor([1.5])).data)


@pytest.mark.parametrize(
    ("dtype", "shape", "data"),
    [("F32", (2,), b"1234"), ("F7", (1,), b"1"), ("U8", (-1,), b""), ("U8", (0, 3), b"1")],
)
def test_bytes_that_do_not_fit_are_refused(dtype: str, shape: tuple[int, ...], data: bytes) -> None:
    with pytest.raises(CorruptObject):
        from_raw(dtype, shape, data)


def test_a_dtype_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="complex"):
        to_raw(torch.zeros(1, dtype=torch.complex64))
