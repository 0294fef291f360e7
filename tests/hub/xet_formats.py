"""The two binary formats of Xet, read only: shards (which file is made of which chunks) and xorbs (the chunks).

Layouts after the specification of the Xet protocol (huggingface.co/docs/xet: "Shard format", "Xorb format"); all
integers are little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_SHARD_HEADER = 48
_ENTRY = 48
_BOOKEND = b"\xff" * 32
_WITH_VERIFICATION, _WITH_SHA256 = 1 << 31, 1 << 30
_XORB_FOOTER = b"XETBLOB"


@dataclass(frozen=True, slots=True)
class Term:
    """A run of chunks of one xorb, from ``start`` up to ``stop``, that gives ``size`` bytes of a file."""

    xorb: str
    size: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class XetFile:
    """One file of a shard: its Xet hash, the SHA-256 of its content, and what it is made of."""

    hash: str
    sha256: str
    terms: tuple[Term, ...]

    @property
    def size(self) -> int:
        return sum(term.size for term in self.terms)


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk inside a serialized xorb: its bytes stand from ``start`` up to ``stop``, header included."""

    start: int
    stop: int
    scheme: int
    size: int


def hash_name(raw: bytes) -> str:
    """How Xet writes a hash of 32 bytes: four 64-bit numbers in hexadecimal."""
    return "".join(f"{number:016x}" for number in struct.unpack("<4Q", raw))


def shard_files(shard: bytes) -> Iterator[XetFile]:
    """The files of a shard. Raises ValueError where a file has no SHA-256: the Hub wants one for each."""
    at = _SHARD_HEADER
    while (raw := shard[at : at + 32]) != _BOOKEND:
        flags, count = struct.unpack_from("<II", shard, at + 32)
        at += _ENTRY
        terms = tuple(_term(shard, at + index * _ENTRY) for index in range(count))
        at += count * _ENTRY * (2 if flags & _WITH_VERIFICATION else 1)
        if not flags & _WITH_SHA256:
            raise ValueError(f"the shard names no SHA-256 for {hash_name(raw)}")
        # This one is kept in Xet's order of bytes, too.
        yield XetFile(hash_name(raw), hash_name(shard[at : at + 32]), terms)
        at += _ENTRY


def _term(shard: bytes, at: int) -> Term:
    _, size, start, stop = struct.unpack_from("<4I", shard, at + 32)
    return Term(hash_name(shard[at : at + 32]), size, start, stop)


def xorb_chunks(xorb: bytes) -> list[Chunk]:
    """Where the chunks of a serialized xorb are. Raises ValueError where it ends inside a chunk."""
    found: list[Chunk] = []
    at = 0
    while at < len(xorb) and xorb[at : at + len(_XORB_FOOTER)] != _XORB_FOOTER:
        packed, size = int.from_bytes(xorb[at + 1 : at + 4], "little"), int.from_bytes(xorb[at + 5 : at + 8], "little")
        found.append(Chunk(at, at + 8 + packed, xorb[at + 4], size))
        at += 8 + packed
    if at > len(xorb):
        raise ValueError("the xorb ends inside a chunk")
    return found


def unpack(xorb: bytes, chunk: Chunk) -> bytes:
    """The bytes of one chunk: stored (scheme 0), LZ4 (1), or LZ4 of bytes grouped by their place modulo 4 (2)."""
    packed = xorb[chunk.start + 8 : chunk.stop]
    content = packed if chunk.scheme == 0 else unpack_lz4(packed)
    if chunk.scheme == 2:
        content = _ungroup(content)
    if len(content) != chunk.size:
        raise ValueError(f"a chunk has {len(content)} bytes, not the {chunk.size} its header says")
    return content


def _ungroup(grouped: bytes) -> bytes:
    content = bytearray(len(grouped))
    at = 0
    for place in range(4):
        count = len(range(place, len(grouped), 4))
        content[place::4] = grouped[at : at + count]
        at += count
    return bytes(content)


def unpack_lz4(frame: bytes) -> bytes:
    """Unpack an LZ4 frame (LZ4 Frame Format Description 1.6). Checksums aren't looked at: every caller has a hash."""
    if frame[:4] != b"\x04\x22\x4d\x18":
        raise ValueError("not an LZ4 frame")
    flags = frame[4]
    at = 7 + (8 if flags & 0x08 else 0) + (4 if flags & 0x01 else 0)
    content = bytearray()
    while size := int.from_bytes(frame[at : at + 4], "little"):
        at += 4
        length = size & 0x7FFFFFFF
        block = frame[at : at + length]
        if size >> 31:
            content += block
        else:
            _unpack_block(block, content)
        at += length + (4 if flags & 0x10 else 0)
    return bytes(content)


def _unpack_block(block: bytes, content: bytearray) -> None:
    """Append what an LZ4 block says: literals, then a copy of bytes written before, in turns; literals last."""
    at = 0
    while at < len(block):
        token = block[at]
        literals, at = _length(block, at + 1, token >> 4)
        content += block[at : at + literals]
        at += literals
        if at >= len(block):
            return
        back = int.from_bytes(block[at : at + 2], "little")
        match, at = _length(block, at + 2, token & 0x0F)
        _repeat(content, back, match + 4)


def _length(block: bytes, at: int, length: int) -> tuple[int, int]:
    """A length that goes on in more bytes where its four bits are all set; and where those end."""
    if length == 15:
        while True:
            length += block[at]
            at += 1
            if block[at - 1] != 255:
                break
    return length, at


def _repeat(content: bytearray, back: int, length: int) -> None:
    """Append ``length`` bytes from ``back`` bytes before the end on; the copy may run into itself."""
    start = len(content) - back
    if start < 0 or back == 0:
        raise ValueError("an LZ4 copy from before the beginning")
    seen = bytes(content[start : start + length])
    content += (seen * (length // len(seen) + 1))[:length]
