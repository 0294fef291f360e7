"""A blob as its file holds it: each array on its own, or as a difference to that of another blob (its reference)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from wisedb.canonical import digest
from wisedb.errors import CorruptObject, MissingObject
from wisedb.store.blobs import Array, Blob
from wisedb.store.codec import RAW, decode, encode, needs_reference
from wisedb.store.container import MAX_DEPTH, Header, StoredArray, claims_too_much
from wisedb.store.loose_objects import HINT, damaged

MAX_STEPS: Final = 4 * MAX_DEPTH
"""Longest chain of differences that is followed. Longer than what is ever written: a damaged blob in the middle of a
chain may have been replaced by one that is itself a difference."""

Read = Callable[[str], tuple[Header, bytes]]
"""Gives a blob's header and payload by its id, checked by their checksums, or raises MissingObject, CorruptObject."""


@dataclass(frozen=True, slots=True)
class References:
    """What a blob may be stored as a difference to.

    Attributes:
        blob_id: the other blob; ``None`` where there is none.
        arrays: by name, those of its arrays that may serve, with the depth that their use leads to.
    """

    blob_id: str | None
    arrays: Mapping[str, tuple[Array, int]]


NO_REFERENCES: Final = References(None, {})


def find_references(read: Read, blob: Blob, base_id: str, chain: int, known: Blob | None = None) -> References:
    """The arrays of a blob that have the name, dtype and shape of one of another blob's.

    Args:
        read: gives the other blob.
        blob: the blob that is to be stored.
        base_id: the other one.
        chain: longest chain of differences that may come of it.
        known: the other one, where it is decoded already.

    Raises:
        MissingObject, CorruptObject: the other one can't be read.
    """
    found: dict[str, tuple[Array, int]] = {}
    header, payload = read(base_id)
    for name, place in header.slices().items():
        stored, array = header.arrays[name], blob.arrays.get(name)
        if array is None or (array.dtype, array.shape) != (stored.dtype, stored.shape):
            continue
        if stored.depth < chain:
            decoded = None if known is None else known.arrays[name]
            found[name] = decoded or decode_array(read, base_id, name, stored, payload[place]), stored.depth + 1
    return References(base_id, found)


def encode_blob(blob: Blob, references: References = NO_REFERENCES) -> tuple[Header, bytes]:
    """A blob's header and payload, each array in the shorter of its forms."""
    arrays: dict[str, StoredArray] = {}
    payloads: dict[str, bytes] = {}
    for name, array in blob.arrays.items():
        reference, depth = references.arrays.get(name, (None, 0))
        payload, recipe = encode(array, reference=reference)
        needed = needs_reference(recipe)
        arrays[name] = StoredArray(
            dtype=array.dtype,
            shape=array.shape,
            sha256=digest(array.data),
            recipe=recipe,
            reference=references.blob_id if needed else None,
            depth=depth if needed else 0,
            length=len(payload),
        )
        payloads[name] = payload
    while claims_too_much(sum(len(array.data) for array in blob.arrays.values()), sum(map(len, payloads.values()))):
        # No reader would believe it: the array that grew shortest is stored as it is.
        name = max(payloads, key=lambda name: len(blob.arrays[name].data) - len(payloads[name]))
        array = blob.arrays[name]
        payloads[name] = array.data
        length, recipe = len(array.data), {"codec": RAW}
        arrays[name] = StoredArray(array.dtype, array.shape, digest(array.data), recipe, None, 0, length)
    order = Header(blob.kind, blob.meta, arrays, "").order
    data = b"".join(payloads[name] for name in order)
    return Header(blob.kind, blob.meta, arrays, digest(data)), data


def decode_array(
    read: Read, blob_id: str, name: str, stored: StoredArray, payload: bytes, steps: int = MAX_STEPS
) -> Array:
    """One array of a blob, checked by its hash.

    Args:
        read: gives the blobs that it is stored as a difference to.
        blob_id, name: whose array it is, and its name.
        stored: what the blob's header says of it.
        payload: its own part of the blob's payload.
        steps: how many differences may be followed.

    Raises:
        MissingObject: a blob that it is stored as a difference to isn't there.
        CorruptObject: it, or such a blob, is damaged.
    """
    reference = None
    if stored.reference is not None:
        reference = _reference(read, blob_id, name, stored.reference, steps - 1)
    try:
        array = decode(payload, stored.recipe, dtype=stored.dtype, shape=stored.shape, reference=reference)
    except CorruptObject as error:
        raise damaged(blob_id, f"array '{name}': {error.message}") from error
    if digest(array.data) != stored.sha256:
        raise damaged(blob_id, f"array '{name}' decodes to another content")
    return array


def closure(blob_ids: Iterable[str], header: Callable[[str], Header]) -> Iterator[str]:
    """The ids of these blobs and of all those that decoding them needs, each once; each header is asked for."""
    wanted, seen = list(blob_ids), set(blob_ids)
    while wanted:
        blob_id = wanted.pop()
        references = header(blob_id).references
        wanted.extend(references - seen)
        seen |= references
        yield blob_id


def _reference(read: Read, blob_id: str, name: str, reference: str, steps: int) -> Array:
    if steps < 0:
        raise damaged(blob_id, f"array '{name}' is the end of a chain without an end")
    try:
        header, payload = read(reference)
    except MissingObject as error:
        raise MissingObject(
            f"blob {blob_id[:12]} is stored as a difference to blob {reference[:12]}, which isn't in the store",
            hint=HINT,
        ) from error
    stored = header.arrays.get(name)
    if stored is None:
        raise damaged(blob_id, f"array '{name}' refers to blob {reference[:12]}, which has none of that name")
    return decode_array(read, reference, name, stored, payload[header.slices()[name]], steps)
