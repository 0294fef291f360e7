"""Encodings of one array behind one interface, each lossless for every bit pattern.

========================  ==========================================================================================
``raw``                   the bytes as they are
``shuffle-zlib``          the items' first bytes, then their second bytes, …, deflated: bytes of one significance look
                          alike
``ulp-shuffle-zlib``      the difference to a reference array in units in the last place, small ones near zero
                          (zigzag), then as above
========================  ==========================================================================================

An encoding is a matter of the file alone: an array's identity is its decoded content. Successive versions of a side
memory differ by a few units in the last place, so that the difference deflates to a third of what the values need.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from wisedb.errors import CorruptObject, InputError
from wisedb.store.blobs import Array, byte_count

RAW = "raw"
SHUFFLE = "shuffle-zlib"
ULP = "ulp-shuffle-zlib"

# Level and strategy of zlib. Noise that only Huffman coding can shorten (mantissas), runs of zeros (differences) and
# text each have a winner; run lengths are also several times faster than any search for matches.
_DEFLATORS = (
    (1, zlib.Z_HUFFMAN_ONLY),
    (1, zlib.Z_RLE),
    (1, zlib.Z_DEFAULT_STRATEGY),
    (6, zlib.Z_DEFAULT_STRATEGY),
)
# What they are judged by: so many pieces, a quarter of the data together, of so many bytes each at least and at most.
_SAMPLES = 16
_PIECE, _LARGEST_PIECE = 1 << 12, 1 << 16

_HINT = (
    "Fetch the object again from a remote, or restore the store from a backup; `wisedb fsck` lists all such objects."
)


def encode(array: Array, *, reference: Array | None = None) -> tuple[bytes, dict[str, Any]]:
    """Encode ``array`` in the smallest encoding that is allowed; of equal ones the simplest.

    Args:
        array: the values, little-endian, row-major.
        reference: an earlier version. It is used only if its dtype and shape are those of ``array``.

    Returns:
        The payload, and the recipe that :func:`decode` needs: ``{"codec": name}``.
    """
    # Whoever only reads commits needs no NumPy, which takes longer to load than all of the store.
    from wisedb.store import byte_shuffle

    candidates = [(RAW, array.data), (SHUFFLE, _deflate(byte_shuffle.shuffle(array.data, array.dtype)))]
    if reference is not None and (reference.dtype, reference.shape) == (array.dtype, array.shape):
        steps = byte_shuffle.steps(array.data, reference.data, array.dtype)
        candidates.append((ULP, _deflate(byte_shuffle.shuffle(steps, array.dtype))))
    name, payload = min(candidates, key=lambda candidate: len(candidate[1]))
    return payload, {"codec": name}


def decode(
    payload: bytes,
    recipe: Mapping[str, Any],
    *,
    dtype: str,
    shape: tuple[int, ...],
    reference: Array | None = None,
) -> Array:
    """Bring back the array that :func:`encode` was given, bit for bit.

    Never inflates past the size that ``dtype`` and ``shape`` declare, whatever the payload says; the caller bounds
    that size.

    Args:
        payload: what :func:`encode` returned.
        recipe: likewise.
        dtype: the array's dtype, as safetensors names it.
        shape: the array's shape.
        reference: the array that it was encoded against; needed where :func:`needs_reference` says so.

    Raises:
        CorruptObject: the payload, the recipe or the reference doesn't fit the declared dtype and shape.
    """
    try:
        size = byte_count(dtype, shape)
    except InputError as error:
        raise CorruptObject(str(error), hint=_HINT) from error
    name = recipe.get("codec")
    if name == RAW:
        if len(payload) != size:
            raise CorruptObject(
                f"{len(payload)} bytes are stored for an array of {size} ({dtype} {list(shape)})", hint=_HINT
            )
        return Array(dtype, shape, payload)
    if name not in (SHUFFLE, ULP):
        raise CorruptObject(f"an array has the unknown encoding {name!r}", hint="Upgrade wisedb. " + _HINT)
    if name == ULP and (reference is None or (reference.dtype, reference.shape) != (dtype, shape)):
        raise CorruptObject(f"an array of {dtype} {list(shape)} was encoded against another one", hint=_HINT)
    from wisedb.store import byte_shuffle

    data = byte_shuffle.unshuffle(_inflate(payload, size), dtype)
    if name == ULP and reference is not None:
        data = byte_shuffle.walk(data, reference.data, dtype)
    return Array(dtype, shape, data)


def needs_reference(recipe: Mapping[str, Any]) -> bool:
    """Whether :func:`decode` needs the array that the encoding refers to."""
    return recipe.get("codec") == ULP


def _deflate(data: bytes) -> bytes:
    """Deflate with whatever suits these bytes best, judged by samples from all over them."""
    step = max(1, len(data) // _SAMPLES)
    sample = data
    if len(data) > _SAMPLES * _PIECE:
        piece = min(max(_PIECE, len(data) // (4 * _SAMPLES)), _LARGEST_PIECE)
        sample = b"".join(data[start : start + piece] for start in range(0, len(data), step))
    trials = [_compress(sample, level, strategy) for level, strategy in _DEFLATORS]
    best = min(range(len(trials)), key=lambda trial: len(trials[trial]))
    return trials[best] if sample is data else _compress(data, *_DEFLATORS[best])


def _compress(data: bytes, level: int, strategy: int) -> bytes:
    deflator = zlib.compressobj(level, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL + 1, strategy)
    return deflator.compress(data) + deflator.flush()


def _inflate(payload: bytes, size: int) -> bytes:
    inflator = zlib.decompressobj()
    try:
        # One byte more than declared is enough to see that there is more; and 0 would mean "no limit".
        data = inflator.decompress(payload, size + 1)
    except zlib.error as error:
        raise CorruptObject(f"an array can't be inflated: {error}", hint=_HINT) from error
    if len(data) != size or not inflator.eof or inflator.unused_data or inflator.unconsumed_tail:
        raise CorruptObject(f"an array doesn't inflate to the {size} bytes that it should", hint=_HINT)
    return data
