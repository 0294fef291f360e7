"""torch tensors as bytes and back, without loss: little-endian, row-major, under safetensors' dtype names."""

from __future__ import annotations

import math
import sys
from typing import NamedTuple

import torch

from wisedb.errors import CorruptObject

DTYPES: dict[str, torch.dtype] = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


class RawTensor(NamedTuple):
    """One tensor as a file holds it.

    Attributes:
        dtype: safetensors' name, such as ``"BF16"``.
        shape: its sizes.
        data: its bytes, little-endian, row-major.
    """

    dtype: str
    shape: tuple[int, ...]
    data: bytes


def to_raw(tensor: torch.Tensor) -> RawTensor:
    """The tensor's values as bytes; its device and strides don't matter, NaN patterns survive.

    Raises:
        ValueError: a dtype that has no name here, such as complex numbers.
    """
    if tensor.dtype not in _NAMES:
        raise ValueError(f"{tensor.dtype} can't be stored")
    values = tensor.detach().cpu().contiguous()
    flat = values.reshape(-1).view(torch.uint8).numpy()
    data = _swapped(flat.tobytes(), values.element_size())
    return RawTensor(_NAMES[tensor.dtype], tuple(tensor.shape), data)


def from_raw(dtype: str, shape: tuple[int, ...], data: bytes) -> torch.Tensor:
    """The tensor that :func:`to_raw` took, on the CPU, with memory of its own.

    Raises:
        CorruptObject: an unknown dtype, a negative size, or bytes that are not as many as dtype and shape need.
    """
    if dtype not in DTYPES or any(size < 0 for size in shape):
        raise CorruptObject(f"a tensor of dtype {dtype!r} and shape {shape} can't be read", hint="Run `wisedb fsck`.")
    kind = DTYPES[dtype]
    if len(data) != math.prod(shape) * kind.itemsize:
        raise CorruptObject(
            f"a {dtype} tensor of shape {shape} has {len(data)} bytes instead of {math.prod(shape) * kind.itemsize}",
            hint="Run `wisedb fsck`.",
        )
    if not data:
        return torch.empty(shape, dtype=kind)
    return torch.frombuffer(bytearray(_swapped(data, kind.itemsize)), dtype=kind).reshape(shape)


def _swapped(data: bytes, itemsize: int) -> bytes:
    if sys.byteorder == "little" or itemsize == 1:
        return data
    words = torch.frombuffer(bytearray(data), dtype=torch.uint8).reshape(-1, itemsize)
    return words.flip(1).contiguous().numpy().tobytes()
