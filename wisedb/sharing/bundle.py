"""Bundles: many small objects in one archive, the same bytes for the same objects, named by their hash.

A bundle is a zip archive of commits (``ab/….json``), small blobs (``ab/….safetensors``) and the headers of large blobs
(``ab/….header``), where ``ab…`` is the object's id. Dates are fixed, names sorted, contents deflated. What comes from
elsewhere is taken apart within bounds: nobody's archive fills the memory or names a path.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from wisedb.canonical import digest
from wisedb.errors import CorruptObject
from wisedb.sharing.manifest import MAX_BUNDLE, Bundle
from wisedb.store.commits import Commit
from wisedb.store.loose_objects import BLOB_SUFFIX, COMMIT_SUFFIX, HEADER_SUFFIX

FULL: Final = 1 << 28
"""Bytes of content after which a new bundle is begun."""

MAX_CONTENT: Final = 1 << 29
"""Bytes of content beyond which a bundle isn't taken."""

MAX_MEMBER: Final = 1 << 26
"""Bytes of one object beyond which a bundle isn't taken."""

RATIO: Final = 100
"""How many times its own size a bundle may hold, beyond :data:`FREE`. One that claims more is a bomb."""

FREE: Final = 8 << 20
"""Bytes of content that a bundle may hold however short it is."""

MAX_MEMBERS: Final = 65_535
"""Objects beyond which a bundle isn't taken: what an archive can hold without zip's later extensions."""

_FULL_MEMBERS: Final = 50_000
_SHORT: Final = 1 << 14  # bytes of content that no archive describes in a hundredth of them
_END: Final = struct.Struct(
    "<4s8xL4xH"
)  # of the record at an archive's end: its mark, the directory's size, a comment's
_ENTRY: Final = 46 + 2 + 1 + 62 + len(BLOB_SUFFIX)  # bytes of one entry of the directory, at most
_MEMBER: Final = re.compile(r"([0-9a-f]{2})/([0-9a-f]{62})(\.json|\.safetensors|\.header)")
_DATE: Final = (1980, 1, 1, 0, 0, 0)
_DEFLATED: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED: Final = 0x1
_WRONG: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)
_HINT: Final = "Try again; if it stays, whoever published it has to push again."


@dataclass(slots=True)
class Contents:
    """Objects outside of a store, by id.

    Attributes:
        commits: their canonical JSON.
        blobs: their files.
        headers: the headers of blobs whose payload is elsewhere.
    """

    commits: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, bytes] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.commits) + len(self.blobs) + len(self.headers)

    def add(self, other: Contents) -> None:
        """Take in what isn't here yet. One id may come in two encodings: either will do, the first stays."""
        for mine, theirs in zip(self._parts(), other._parts(), strict=True):
            for object_id, data in theirs.items():
                mine.setdefault(object_id, data)

    def members(self) -> Iterator[tuple[str, bytes]]:
        """Name in the archive and content of everything, sorted by name."""
        suffixes = (COMMIT_SUFFIX, BLOB_SUFFIX, HEADER_SUFFIX)
        found = {
            f"{object_id[:2]}/{object_id[2:]}{suffix}": data
            for part, suffix in zip(self._parts(), suffixes, strict=True)
            for object_id, data in part.items()
        }
        yield from sorted(found.items())

    def _parts(self) -> tuple[dict[str, bytes], dict[str, bytes], dict[str, bytes]]:
        return self.commits, self.blobs, self.headers


def write_bundle(contents: Contents) -> tuple[Bundle, bytes]:
    """One archive with all of the contents, and what a manifest says about it.

    Raises:
        CorruptObject, FormatTooNew: one of the commits isn't one.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in contents.members():
            info = zipfile.ZipInfo(name, _DATE)
            # What deflates more than a reader believes is left as it is.
            dense = len(data) > _SHORT and len(data) > RATIO * len(zlib.compress(data, 1))
            info.compress_type = zipfile.ZIP_STORED if dense else zipfile.ZIP_DEFLATED
            info.create_system = 3  # Unix, wherever it is written
            info.external_attr = 0o444 << 16
            archive.writestr(info, data)
    data = buffer.getvalue()
    return Bundle(digest(data), len(data), len(contents), tips(contents)), data


def tips(contents: Contents) -> tuple[str, ...]:
    """The commits that are no other's parent, sorted: whoever has them has the others, too.

    Raises:
        CorruptObject, FormatTooNew: one of the commits isn't one.
    """
    parents = {parent for data in contents.commits.values() for parent in Commit.from_bytes(data).parents}
    return tuple(sorted(set(contents.commits) - parents))


def split(groups: Iterable[Contents]) -> Iterator[Contents]:
    """Put groups of objects together until a bundle is full; no group is torn apart.

    Args:
        groups: a commit and all that comes with it, parents first.
    """
    current, weight = Contents(), 0
    for group in groups:
        more = sum(len(data) for _, data in group.members())
        if len(current) and (weight + more > FULL or len(current) + len(group) > _FULL_MEMBERS):
            yield current
            current, weight = Contents(), 0
        current.add(group)
        weight += more
    if len(current):
        yield current


def read_bundle(bundle: Bundle, data: bytes) -> Contents:
    """Take an archive apart, as it came from elsewhere.

    That a name is that of its content is not looked at: whoever stores an object checks it.

    Raises:
        CorruptObject: it is not the archive that the manifest speaks of, or not one that wisedb would write.
    """
    contents = Contents()
    places: Mapping[str, dict[str, bytes]] = {
        COMMIT_SUFFIX: contents.commits,
        BLOB_SUFFIX: contents.blobs,
        HEADER_SUFFIX: contents.headers,
    }
    for suffix, object_id, content in read_members(bundle, data):
        places[suffix][object_id] = content
    return contents


def read_members(bundle: Bundle, data: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Suffix, id and content of each object in an archive, one after the other; see :func:`read_bundle`.

    Raises:
        CorruptObject: as :func:`read_bundle`; what came before has been given already.
    """
    if len(data) != bundle.bytes or len(data) > MAX_BUNDLE or digest(data) != bundle.name:
        raise _damaged(bundle, "it has another hash or length than the manifest says")
    _check_directory(bundle, data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from _members(bundle, archive)
    except _WRONG as error:
        raise _damaged(bundle, f"it is no archive ({error})") from error


def _check_directory(bundle: Bundle, data: bytes) -> None:
    """Check the size of the archive's directory, all of which the library reads before one can ask anything."""
    if len(data) < 22 or bundle.objects > MAX_MEMBERS:
        raise _damaged(bundle, "it is no archive, or one of too many objects")
    mark, size, comment = _END.unpack(data[-22:])
    if mark != b"PK\5\6" or comment or data[-42:-38] == b"PK\6\7" or size > bundle.objects * _ENTRY:
        raise _damaged(bundle, "its directory is not one that wisedb writes")


def _members(bundle: Bundle, archive: zipfile.ZipFile) -> Iterator[tuple[str, str, bytes]]:
    listed = archive.infolist()
    if len(listed) != bundle.objects:
        raise _damaged(bundle, f"it holds {len(listed)} objects, the manifest says {bundle.objects}")
    bound = min(MAX_CONTENT, max(FREE, RATIO * bundle.bytes))
    if sum(info.file_size for info in listed) > bound:
        raise _damaged(bundle, f"its content is larger than {bound} bytes")
    seen: set[str] = set()
    for info in listed:
        found = _MEMBER.fullmatch(info.filename)
        if found is None or info.compress_type not in _DEFLATED or info.flag_bits & _ENCRYPTED:
            raise _damaged(bundle, f"{info.filename[:80]!r} is no object")
        if info.file_size > MAX_MEMBER:
            raise _damaged(bundle, f"{info.filename} is larger than {MAX_MEMBER} bytes")
        if info.filename in seen:
            raise _damaged(bundle, f"{info.filename} is in it twice")
        seen.add(info.filename)
        with archive.open(info) as member:
            # The stream ends where the directory says, whatever the deflated data would go on to say.
            data = member.read(info.file_size)
            if len(data) != info.file_size or member.read(1):
                raise _damaged(bundle, f"{info.filename} has another length than it says")
        yield found[3], found[1] + found[2], data


def _damaged(bundle: Bundle, problem: str) -> CorruptObject:
    return CorruptObject(f"bundle {bundle.name[:12]} is damaged: {problem}", hint=_HINT)
