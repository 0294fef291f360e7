"""Arithmetic on the bit patterns of arrays.

They are unsigned words of the item size throughout: floats as such never appear, so that no arithmetic can quieten a
NaN or lose a sign. All bytes are little-endian and row-major, ``dtype`` is safetensors' name of the dtype.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wisedb.store.blobs import ITEM_SIZES

_SIGN_AND_MAGNITUDE = frozenset({"F64", "F32", "F16", "BF16"})

_Words = NDArray[np.unsignedinteger[Any]]


def shuffle(data: bytes, dtype: str) -> bytes:
    """All first bytes of the items, then all second bytes, …."""
    words = _words(data, dtype)
    return words.view(np.uint8).reshape(-1, words.itemsize).T.tobytes()


def unshuffle(planes: bytes, dtype: str) -> bytes:
    """What :func:`shuffle` was given."""
    return np.frombuffer(planes, np.uint8).reshape(ITEM_SIZES[dtype], -1).T.tobytes()


def steps(data: bytes, reference: bytes, dtype: str) -> bytes:
    """How far each item lies from that of ``reference``, in units in the last place, zigzag-coded, modulo 2ⁿ."""
    return _zigzag(_ranks(_words(data, dtype), dtype) - _ranks(_words(reference, dtype), dtype)).tobytes()


def walk(distances: bytes, reference: bytes, dtype: str) -> bytes:
    """The items that lie :func:`steps` from ``reference``."""
    return _unrank(_unzigzag(_words(distances, dtype)) + _ranks(_words(reference, dtype), dtype), dtype).tobytes()


def _words(data: bytes, dtype: str) -> _Words:
    return np.frombuffer(data, dtype=f"<u{ITEM_SIZES[dtype]}")


def _ranks(words: _Words, dtype: str) -> _Words:
    """Number the bit patterns in the order of their values, so that neighbours differ by one.

    A bijection: floats are sign and magnitude, so that negative ones count downwards and all others start behind them;
    integers keep their bits, since differences are taken modulo 2ⁿ.
    """
    if dtype not in _SIGN_AND_MAGNITUDE:
        return words
    top = _constant(words, 1 << (8 * words.itemsize - 1))
    return np.where(words & top, ~words, words | top)


def _unrank(ranks: _Words, dtype: str) -> _Words:
    if dtype not in _SIGN_AND_MAGNITUDE:
        return ranks
    top = _constant(ranks, 1 << (8 * ranks.itemsize - 1))
    return np.where(ranks & top, ranks ^ top, ~ranks)


def _zigzag(steps: _Words) -> _Words:
    """Map 0, −1, 1, −2, … to 0, 1, 2, 3, … so that small steps of either sign have zeros in their upper bytes."""
    sign = steps >> _constant(steps, 8 * steps.itemsize - 1)
    zigzag: _Words = (steps << _constant(steps, 1)) ^ (~sign + _constant(steps, 1))
    return zigzag


def _unzigzag(words: _Words) -> _Words:
    one = _constant(words, 1)
    steps: _Words = (words >> one) ^ (~(words & one) + one)
    return steps


def _constant(words: _Words, value: int) -> np.unsignedinteger[Any]:
    constant: np.unsignedinteger[Any] = words.dtype.type(value)
    return constant
