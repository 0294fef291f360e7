"""What a blob is in memory: a kind, some JSON and named arrays, named by its decoded content.

Arrays are plain bytes with a dtype and a shape. The store computes with none of them, so that it needs no tensor
library; the codec and the layers above view the bytes as they like.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from wisedb.canonical import canonical_json, digest
from wisedb.errors import InputError

ITEM_SIZES: Final[Mapping[str, int]] = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "U16": 2,
    "I16": 2,
    "F16": 2,
    "BF16": 2,
    "U32": 4,
    "I32": 4,
    "F32": 4,
    "U64": 8,
    "I64": 8,
    "F64": 8,
}
"""Bytes of one element by dtype, in the names of the safetensors format; no other dtype enters a store."""

MAX_DIMENSIONS: Final = 8
"""More dimensions than this are refused, in memory and in files."""

NAME: Final = re.compile(r"[a-z][a-z_]{0,63}")
"""What kinds and array names look like: nothing that could be taken for a path."""


@dataclass(frozen=True, slots=True)
class Array:
    """An array as bytes.

    Attributes:
        dtype: a key of :data:`ITEM_SIZES`.
        shape: the sizes of the dimensions; ``()`` is a scalar.
        data: the elements, little-endian, row-major: ``prod(shape) * ITEM_SIZES[dtype]`` bytes.

    Raises:
        InputError: the dtype is unknown, the shape is not one, or the data have another length.
    """

    dtype: str
    shape: tuple[int, ...]
    data: bytes = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(self.shape))
        object.__setattr__(self, "data", bytes(self.data))
        expected = byte_count(self.dtype, self.shape)
        if len(self.data) != expected:
            raise InputError(
                f"an array {self.dtype}{list(self.shape)} takes {expected} bytes, {len(self.data)} were given"
            )

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Blob:
    """One immutable piece of state.

    Attributes:
        kind: what it is: ``edits``, ``mask``, ``delta``, ``pool``, …
        meta: JSON values that belong to it.
        arrays: its arrays by name.

    Raises:
        InputError: the kind or an array's name is not of lower-case letters and ``_``, or ``meta`` is not JSON.
    """

    kind: str
    meta: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (self.kind, *self.arrays):
            if not isinstance(name, str) or not NAME.fullmatch(name):
                raise InputError(f"{name!r} can't name a blob or an array: use lower-case letters and '_'")
        if not isinstance(self.meta, Mapping):
            raise InputError(f"the meta of a blob '{self.kind}' must be a mapping")
        try:
            canonical_json(self.meta)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"the meta of a blob '{self.kind}' is not JSON: {error}", hint="Leave out what JSON can't say."
            ) from error

    @cached_property
    def id(self) -> str:
        """The hash of the decoded content, 64 hexadecimal digits; how the arrays are encoded on disk has no part."""
        return identity(
            self.kind,
            self.meta,
            {name: (array.dtype, array.shape, digest(array.data)) for name, array in self.arrays.items()},
        )


def identity(kind: str, meta: Mapping[str, Any], arrays: Mapping[str, tuple[str, tuple[int, ...], str]]) -> str:
    """A blob's id from its kind, its meta and, per array, dtype, shape and the SHA-256 of the decoded data."""
    listed = {name: [dtype, list(shape), sha] for name, (dtype, shape, sha) in arrays.items()}
    return digest(canonical_json({"kind": kind, "meta": meta, "arrays": listed}))


def byte_count(dtype: str, shape: tuple[int, ...]) -> int:
    """How many bytes an array takes.

    Raises:
        InputError: the dtype is unknown or the shape is not one.
    """
    if dtype not in ITEM_SIZES:
        raise InputError(f"the store knows no dtype {dtype!r}")
    if len(shape) > MAX_DIMENSIONS or not all(type(size) is int and size >= 0 for size in shape):
        raise InputError(f"{shape!r} is not a shape")
    return math.prod(shape) * ITEM_SIZES[dtype]
