"""The file of a blob: safetensors, readable by anyone's reader, in exactly one form for one content.

::

    8 bytes   length of the header, little-endian
    header    {"__metadata__": {"wisedb": D}, name: {"dtype", "shape", "data_offsets"}, …}, and spaces up to 8 bytes
    payload   the arrays, without gaps

``D`` is canonical JSON ``{"kind", "meta", "sha256", "arrays": {name: {"dtype", "shape", "sha256", "recipe"} and, where
the codec took one, "reference" and "depth"}}``. The outer ``sha256`` is that of the payload as stored; an array's is
that of its decoded data, so that the header alone proves the blob's id, and with it kind and meta. An array that isn't
stored raw is a ``U8`` tensor. There is one metadata key only: the safetensors library writes several in a random order.
The header is written here and not by that library, because its bytes may differ from one of its versions to the next.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from wisedb.canonical import canonical_json, digest
from wisedb.errors import CorruptObject, InputError
from wisedb.store.blobs import ITEM_SIZES, NAME, byte_count, identity

MAX_HEADER: Final = 100_000_000
"""Longest header in bytes; the bound of the safetensors library."""

MAX_DEPTH: Final = 8
"""Longest chain of arrays that are stored as differences to one another."""

ID: Final = re.compile(r"[0-9a-f]{64}")
"""What an id looks like."""

FREE: Final = 1 << 28
"""Bytes to which a blob may be decoded however short its file is."""

RATIO: Final = 100
"""How many times the bytes of its payload a blob may hold, beyond :data:`FREE`. One that claims more is a bomb."""

_KEY: Final = "wisedb"
_MAX_INFLATION: Final = 1032
# The most that deflate can shrink anything: a file that claims more is a bomb.


@dataclass(frozen=True, slots=True)
class StoredArray:
    """How one array is stored.

    Attributes:
        dtype: of the decoded array.
        shape: of the decoded array.
        sha256: of the decoded data.
        recipe: what the codec needs to decode it.
        reference: id of the blob whose array of the same name it is a difference to, or ``None``.
        depth: how many such steps lead to an array that needs no reference; 0 without a reference.
        length: bytes of its payload.
    """

    dtype: str
    shape: tuple[int, ...]
    sha256: str
    recipe: Mapping[str, Any]
    reference: str | None
    depth: int
    length: int

    @property
    def raw(self) -> bool:
        """Whether the payload is the array itself."""
        return self.recipe.get("codec") == "raw"

    def to_json(self) -> dict[str, Any]:
        """The array's entry in the description."""
        record: dict[str, Any] = {
            "dtype": self.dtype,
            "shape": list(self.shape),
            "sha256": self.sha256,
            "recipe": dict(self.recipe),
        }
        if self.reference is not None:
            record |= {"reference": self.reference, "depth": self.depth}
        return record


@dataclass(frozen=True, slots=True)
class Header:
    """All of a blob's file but the payload.

    Attributes:
        kind: the blob's kind.
        meta: the blob's meta.
        arrays: its arrays by name.
        sha256: of the payload as stored.
    """

    kind: str
    meta: Mapping[str, Any]
    arrays: Mapping[str, StoredArray]
    sha256: str

    @property
    def id(self) -> str:
        """The id of the blob that this header describes."""
        listed = {name: (array.dtype, array.shape, array.sha256) for name, array in self.arrays.items()}
        return identity(self.kind, self.meta, listed)

    @property
    def order(self) -> list[str]:
        """The arrays as they follow each other in the payload: wide elements first, so that all are aligned."""
        return sorted(self.arrays, key=lambda name: (-_width(self.arrays[name]), name))

    @property
    def payload_length(self) -> int:
        """Bytes of the payload."""
        return sum(array.length for array in self.arrays.values())

    @property
    def decoded_length(self) -> int:
        """Bytes of all arrays when they are decoded."""
        return sum(byte_count(array.dtype, array.shape) for array in self.arrays.values())

    @property
    def inflated_length(self) -> int:
        """Bytes of those arrays that are decoded by themselves, as they are when the blob comes from elsewhere."""
        own = [array for array in self.arrays.values() if array.reference is None]
        return sum(byte_count(array.dtype, array.shape) for array in own)

    @property
    def references(self) -> set[str]:
        """The blobs that decoding needs."""
        return {array.reference for array in self.arrays.values() if array.reference is not None}

    def slices(self) -> dict[str, slice]:
        """Where each array lies in the payload."""
        found: dict[str, slice] = {}
        start = 0
        for name in self.order:
            found[name] = slice(start, start + self.arrays[name].length)
            start += self.arrays[name].length
        return found

    def to_bytes(self) -> bytes:
        """The file up to the payload."""
        description = {
            "kind": self.kind,
            "meta": self.meta,
            "sha256": self.sha256,
            "arrays": {name: array.to_json() for name, array in self.arrays.items()},
        }
        tensors: dict[str, Any] = {"__metadata__": {_KEY: canonical_json(description).decode()}}
        for name, place in self.slices().items():
            array = self.arrays[name]
            tensors[name] = {
                "dtype": array.dtype if array.raw else "U8",
                "shape": list(array.shape) if array.raw else [array.length],
                "data_offsets": [place.start, place.stop],
            }
        header = json.dumps(tensors, separators=(",", ":"), ensure_ascii=False).encode()
        header += b" " * (-len(header) % 8)
        return len(header).to_bytes(8, "little") + header


def read_header(file: BinaryIO, file_size: int) -> Header:
    """Read and check a file's header; the file then stands at the payload.

    Whatever the header says is checked against what :meth:`Header.to_bytes` would have written and against the length
    of the file: no other spelling of the same content is taken, no gap, no overlap, no byte too many.

    Raises:
        CorruptObject: it is not the header of a blob.
    """
    header, length = _header(file, file_size - 8)
    if file_size != length + header.payload_length:
        raise CorruptObject("the file has not the length that its header says")
    return header


def claims_too_much(decoded: int, payload: int) -> bool:
    """Whether a blob of so many bytes in so long a payload is a bomb. What is written here never is one."""
    return decoded > max(FREE, RATIO * payload)


def read_detached(data: bytes) -> Header:
    """Read and check a header that stands alone, without its payload.

    Raises:
        CorruptObject: it is not the header of a blob, or not that alone.
    """
    header, length = _header(io.BytesIO(data), len(data) - 8)
    if len(data) != length:
        raise CorruptObject("there is more than a header")
    return header


def check_payload(header: Header, payload: bytes) -> None:
    """Check the payload's length and its checksum.

    Raises:
        CorruptObject: the payload is not the one that was written.
    """
    if len(payload) != header.payload_length or digest(payload) != header.sha256:
        raise CorruptObject("the payload has another checksum than the header says")


def _header(file: BinaryIO, room: int) -> tuple[Header, int]:
    """The header of a file with ``room`` bytes behind the length, and how long it is with the length."""
    prefix = file.read(8)
    length = int.from_bytes(prefix, "little")
    if len(prefix) != 8 or not 2 <= length <= min(MAX_HEADER, room):
        raise CorruptObject("the header's length is impossible")
    raw = file.read(length)
    try:
        tensors = json.loads(raw, parse_constant=_no_constant)
        header = _parse(tensors)
        if claims_too_much(header.decoded_length, header.payload_length):
            raise ValueError("it claims more than its payload can honestly hold")
        written = header.to_bytes()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, InputError) as error:
        raise CorruptObject(f"the header can't be read: {error}") from error
    if written != prefix + raw:
        raise CorruptObject("the header is not as wisedb writes it")
    return header, len(written)


def _parse(tensors: Mapping[str, Any]) -> Header:
    (key, text), *more = tensors["__metadata__"].items()
    if key != _KEY or more:
        raise ValueError("it has other metadata than wisedb's")
    described = json.loads(text, parse_constant=_no_constant)
    entries = described["arrays"]
    if set(described) != {"kind", "meta", "sha256", "arrays"} or set(entries) != set(tensors) - {"__metadata__"}:
        raise ValueError("the description doesn't fit the tensors")
    if not NAME.fullmatch(described["kind"]) or not isinstance(described["meta"], dict):
        raise ValueError("kind or meta is not one")
    _check_id(described["sha256"])
    arrays = {name: _parse_array(name, entry, tensors[name]) for name, entry in entries.items()}
    return Header(described["kind"], described["meta"], arrays, described["sha256"])


def _parse_array(name: str, entry: Mapping[str, Any], tensor: Mapping[str, Any]) -> StoredArray:
    start, stop = tensor["data_offsets"]
    if not NAME.fullmatch(name) or type(start) is not int or type(stop) is not int or not 0 <= start <= stop:
        raise ValueError("a tensor's name or place is impossible")
    array = StoredArray(
        dtype=entry["dtype"],
        shape=tuple(entry["shape"]),
        sha256=_check_id(entry["sha256"]),
        recipe=dict(entry["recipe"]),
        reference=None if entry.get("reference") is None else _check_id(entry["reference"]),
        depth=entry.get("depth", 0),
        length=stop - start,
    )
    if type(array.depth) is not int or (array.depth != 0 and not 1 <= array.depth <= MAX_DEPTH):
        raise ValueError(f"the depth {array.depth!r} is out of bounds")
    if (array.depth == 0) != (array.reference is None):
        raise ValueError("depth and reference disagree")
    if byte_count(array.dtype, array.shape) > array.length * _MAX_INFLATION:
        raise ValueError("an array claims more than its bytes can hold")
    return array


def _check_id(text: str) -> str:
    if not ID.fullmatch(text):
        raise ValueError(f"{text!r} is not an id")
    return text


def _width(array: StoredArray) -> int:
    return ITEM_SIZES[array.dtype] if array.raw else 1


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
