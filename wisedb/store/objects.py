"""The objects of a store: blobs and commits, written once, named by their content, checked at every read."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from wisedb.canonical import digest
from wisedb.errors import CorruptObject, MissingObject, StoreError
from wisedb.store.blobs import Array, Blob
from wisedb.store.codec import decode, encode, needs_reference
from wisedb.store.commits import Commit
from wisedb.store.container import ID, MAX_DEPTH, Header, StoredArray, check_payload, read_detached, read_header
from wisedb.store.files import Disk, read_file, reading_errors

BLOB_SUFFIX: Final = ".safetensors"
COMMIT_SUFFIX: Final = ".json"
HEADER_SUFFIX: Final = ".header"
"""Of a promised blob: its header alone, which proves its id, kind and meta. The rest is on a remote."""

MAX_STEPS: Final = 4 * MAX_DEPTH
"""Longest chain of differences that is followed. Longer than what `put` makes: a damaged blob in the middle of a chain
may have been replaced by one that is itself a difference."""

# A hint only: objects are written once. Nothing trusts these bits.
_MODE: Final = 0o444
_HINT: Final = "Run `wisedb fsck`; fetching from a remote or restoring a backup brings the object back."


@dataclass(slots=True)
class Promise:
    """Who keeps what a lazy clone was promised.

    Attributes:
        fetch: stores the payloads of these blobs, or raises; ``None`` where nobody is set to do so.
    """

    fetch: Callable[[Collection[str]], None] | None = None


@dataclass(frozen=True, slots=True)
class Objects:
    """``objects/``.

    Attributes:
        folder: the folder.
        disk: how files are written.
        chain: longest chain of differences that :meth:`put` makes; 0 stores every blob on its own.
        promise: where the payloads of promised blobs come from.
    """

    folder: Path
    disk: Disk = Disk()  # noqa: RUF009 - frozen and without state
    chain: int = MAX_DEPTH
    promise: Promise = field(default_factory=Promise, compare=False)

    # Blobs

    def put(self, blob: Blob, *, delta_base: Blob | str | None = None) -> str:
        """Store a blob and return its id.

        What is there already is checked by its checksums and stays, or is replaced where it is damaged.

        Args:
            blob: the blob.
            delta_base: a similar blob, usually the version before, or its id; what was read already need not be decoded
                once more. Arrays of the same name, dtype and shape may be stored as a difference to its arrays. A hint:
                if that blob can't be read, the new one stands alone.

        Raises:
            NoSpace, StoreNotWritable: the blob was not stored.
        """
        path = self.blob_path(blob.id)
        if self._freshen(path) and self._sound(blob.id):
            return blob.id
        header, payload = self._encode(blob, delta_base)
        self._write(blob.id, header.to_bytes() + payload)
        return blob.id

    def get(self, blob_id: str) -> Blob:
        """The blob, decoded and checked against its id.

        Raises:
            MissingObject: it, or a blob that it is stored as a difference to, isn't there.
            CorruptObject: its file is damaged, or the file of such a blob.
        """
        header, payload = self._read(blob_id)
        arrays = {
            name: self._decode(blob_id, name, header.arrays[name], payload[place])
            for name, place in header.slices().items()
        }
        return Blob(header.kind, header.meta, arrays)

    def meta(self, blob_id: str) -> tuple[str, Mapping[str, Any]]:
        """A blob's kind and meta, from its header alone, which proves them: the arrays' hashes are in it.

        Raises:
            MissingObject, CorruptObject: the header isn't there or doesn't fit the id.
        """
        header = self.header(blob_id)
        return header.kind, header.meta

    def header(self, blob_id: str) -> Header:
        """A blob's header, checked against the id; the payload is not read, and needn't be there.

        Raises:
            MissingObject, CorruptObject: as :meth:`meta`.
        """
        if not self.is_promised(blob_id):
            return self._open(blob_id, payload=False)[0]
        try:
            return _detached(blob_id, read_file(self.header_path(blob_id)))
        except MissingObject:
            return self._open(blob_id, payload=False)[0]  # the payload has just come

    def array(self, blob_id: str, name: str) -> Array:
        """One array of a blob, decoded and checked.

        Raises:
            MissingObject: the blob isn't there, or has no such array.
            CorruptObject: as :meth:`get`.
        """
        header, payload = self._read(blob_id)
        if name not in header.arrays:
            raise MissingObject(f"blob {blob_id[:12]} has no array '{name}'", hint=_HINT)
        return self._decode(blob_id, name, header.arrays[name], payload[header.slices()[name]])

    def has(self, blob_id: str) -> bool:
        """Whether the store holds that blob or was promised it; its content is not looked at."""
        if ID.fullmatch(blob_id) is None:
            return False
        return self.blob_path(blob_id).is_file() or self.header_path(blob_id).is_file()

    def is_promised(self, blob_id: str) -> bool:
        """Whether of that blob only the header is here."""
        if ID.fullmatch(blob_id) is None:
            return False
        return not self.blob_path(blob_id).is_file() and self.header_path(blob_id).is_file()

    def ids(self) -> Iterator[str]:
        """The ids of all blobs, promised ones included, sorted."""
        return self._listed(BLOB_SUFFIX, HEADER_SUFFIX)

    def size(self, object_id: str) -> int:
        """The bytes that a blob or a commit takes on disk; of a promised blob, those that it will take.

        Raises:
            MissingObject: the store holds neither.
        """
        path = self.blob_path(object_id)
        if self.is_promised(object_id):
            header = self.header(object_id)
            return len(header.to_bytes()) + header.payload_length
        if not path.is_file():
            path = self.commit_path(object_id)
        with reading_errors(path):
            return path.stat().st_size

    def import_file(self, blob_id: str, data: bytes) -> None:
        """Store a blob's file as another store wrote it, after checking header, payload and id.

        Arrays that are stored as differences are checked when they are read, or by ``fsck``: the blob that they refer
        to may be imported later.

        Raises:
            CorruptObject: the bytes are not that blob's file; nothing is stored.
            NoSpace, StoreNotWritable: nothing is stored.
        """
        header, payload = _split(blob_id, data)
        for name, place in header.slices().items():
            if header.arrays[name].reference is None:
                self._decode(blob_id, name, header.arrays[name], payload[place])
        path = self.blob_path(blob_id)
        if not (self._freshen(path) and self._sound(blob_id)):
            self._write(blob_id, data)

    # Promised blobs

    def put_header(self, blob_id: str, data: bytes) -> None:
        """Store the header of a blob whose payload stays elsewhere for now. A blob that is here stays whole.

        Raises:
            CorruptObject: the bytes are not that blob's header; nothing is stored.
            NoSpace, StoreNotWritable: nothing is stored.
        """
        _detached(blob_id, data)
        path = self.header_path(blob_id)
        if not self.blob_path(blob_id).is_file() and not self._freshen(path):
            self.disk.write(path, data, mode=_MODE)

    def promised(self, blob_ids: Iterable[str]) -> list[str]:
        """Which of these blobs, and of those that decoding them needs, are only promised; sorted.

        Raises:
            MissingObject, CorruptObject: a header isn't there or doesn't fit its id.
        """
        wanted, seen = list(blob_ids), set(blob_ids)
        found: list[str] = []
        while wanted:
            blob_id = wanted.pop()
            if self.is_promised(blob_id):
                found.append(blob_id)
            references = self.header(blob_id).references
            wanted.extend(references - seen)
            seen |= references
        return sorted(found)

    def ensure(self, blob_ids: Iterable[str]) -> None:
        """Have the payloads of these blobs, and of those that decoding them needs: what is only promised is fetched.

        Whoever is about to read many blobs calls this first, so that they come at the same time, not one by one.

        Raises:
            MissingObject: nobody is there to fetch them.
            WisedbError: what the remote says.
        """
        lacking = self.promised(blob_ids)
        if not lacking:
            return
        if self.promise.fetch is None:
            raise MissingObject(
                f"blob {lacking[0][:12]} is only promised: its content is on the remote that this store is a clone of",
                hint="Open the store with `Repository.open`, or clone it without --lazy.",
            )
        self.promise.fetch(lacking)

    # Commits

    def put_commit(self, commit: Commit) -> str:
        """Store a commit and return its id.

        Raises:
            NoSpace, StoreNotWritable: the commit was not stored.
        """
        path, data = self.commit_path(commit.id), commit.to_bytes()
        if self._freshen(path):
            with suppress(StoreError):
                if read_file(path) == data:
                    return commit.id
        self.disk.write(path, data, mode=_MODE)
        return commit.id

    def commit(self, commit_id: str) -> Commit:
        """The commit, checked against its id.

        Raises:
            MissingObject: it isn't there.
            CorruptObject: its file is damaged.
        """
        path = self.commit_path(commit_id)
        try:
            data = read_file(path)
        except MissingObject as error:
            raise MissingObject(f"commit {commit_id[:12]} isn't in the store", hint=_HINT) from error
        if digest(data) != commit_id:
            raise CorruptObject(f"commit {commit_id[:12]} is damaged: {path} has another content", hint=_HINT)
        return Commit.from_bytes(data)

    def has_commit(self, commit_id: str) -> bool:
        """Whether the store holds that commit; its content is not looked at."""
        return ID.fullmatch(commit_id) is not None and self.commit_path(commit_id).is_file()

    def commit_ids(self, prefix: str = "") -> Iterator[str]:
        """The ids of all commits that begin with ``prefix``, sorted."""
        return self._listed(COMMIT_SUFFIX, prefix=prefix)

    # Files

    def blob_path(self, blob_id: str) -> Path:
        """Where a blob's file is, or would be.

        Raises:
            CorruptObject: ``blob_id`` is not an id.
        """
        return self._path(blob_id, BLOB_SUFFIX)

    def header_path(self, blob_id: str) -> Path:
        """Where a promised blob's header is, or would be.

        Raises:
            CorruptObject: ``blob_id`` is not an id.
        """
        return self._path(blob_id, HEADER_SUFFIX)

    def commit_path(self, commit_id: str) -> Path:
        """Where a commit's file is, or would be.

        Raises:
            CorruptObject: ``commit_id`` is not an id.
        """
        return self._path(commit_id, COMMIT_SUFFIX)

    def _path(self, object_id: str, suffix: str) -> Path:
        # Ids come out of files: what isn't one must never become a path.
        if not ID.fullmatch(object_id):
            raise CorruptObject(f"{object_id!r} is not the id of an object", hint=_HINT)
        return self.folder / object_id[:2] / (object_id[2:] + suffix)

    def _write(self, blob_id: str, data: bytes) -> None:
        self.disk.write(self.blob_path(blob_id), data, mode=_MODE)
        # A dead process may leave the header behind: nothing looks at it where the blob is whole.
        with suppress(OSError):
            self.header_path(blob_id).unlink(missing_ok=True)

    def _listed(self, *suffixes: str, prefix: str = "") -> Iterator[str]:
        if not self.folder.is_dir():
            return
        with reading_errors(self.folder):
            for folder in sorted(self.folder.glob(prefix[:2] + "?" * (2 - len(prefix[:2])))):
                # Names only: looking at ten thousand files one by one would take longer than reading some of them.
                names = os.listdir(folder) if folder.is_dir() else []  # noqa: PTH208
                for stem in sorted(
                    {name.removesuffix(end) for end in suffixes for name in names if name.endswith(end)}
                ):
                    object_id = folder.name + stem
                    if ID.fullmatch(object_id) and object_id.startswith(prefix):
                        yield object_id

    def _freshen(self, path: Path) -> bool:
        # An old object that is wanted again must look young to a collection that runs next.
        try:
            os.utime(path)
        except FileNotFoundError:
            return False
        except OSError:
            return path.is_file()
        return True

    def _sound(self, blob_id: str) -> bool:
        """Whether the files that decoding needs are whole, by their checksums."""
        with suppress(StoreError):
            wanted, seen = [blob_id], {blob_id}
            while wanted:
                header, _ = self._read(wanted.pop())
                wanted.extend(header.references - seen)
                seen |= header.references
            return True
        return False

    def _open(self, blob_id: str, *, payload: bool) -> tuple[Header, bytes]:
        path = self.blob_path(blob_id)
        if payload and self.is_promised(blob_id):
            self.ensure([blob_id])
        try:
            with reading_errors(path), path.open("rb") as file:
                header = read_header(file, os.fstat(file.fileno()).st_size)
                data = file.read() if payload else b""
        except MissingObject as error:
            raise MissingObject(f"blob {blob_id[:12]} isn't in the store", hint=_HINT) from error
        except CorruptObject as error:
            raise _damaged(blob_id, error.message) from error
        if header.id != blob_id:
            raise _damaged(blob_id, "its content has another hash")
        return header, data

    def _read(self, blob_id: str) -> tuple[Header, bytes]:
        header, payload = self._open(blob_id, payload=True)
        try:
            check_payload(header, payload)
        except CorruptObject as error:
            raise _damaged(blob_id, error.message) from error
        return header, payload

    # Encoding

    def _encode(self, blob: Blob, delta_base: Blob | str | None = None) -> tuple[Header, bytes]:
        base_id, references = self._references(blob, delta_base)
        arrays: dict[str, StoredArray] = {}
        payloads: dict[str, bytes] = {}
        for name, array in blob.arrays.items():
            reference, depth = references.get(name, (None, 0))
            payload, recipe = encode(array, reference=reference)
            needed = needs_reference(recipe)
            arrays[name] = StoredArray(
                dtype=array.dtype,
                shape=array.shape,
                sha256=digest(array.data),
                recipe=recipe,
                reference=base_id if needed else None,
                depth=depth if needed else 0,
                length=len(payload),
            )
            payloads[name] = payload
        order = Header(blob.kind, blob.meta, arrays, "").order
        data = b"".join(payloads[name] for name in order)
        return Header(blob.kind, blob.meta, arrays, digest(data)), data

    def _references(self, blob: Blob, delta_base: Blob | str | None) -> tuple[str | None, dict[str, tuple[Array, int]]]:
        """The base's id, and its arrays that may serve, with the depth that their use leads to."""
        known = delta_base if isinstance(delta_base, Blob) else None
        base_id = delta_base.id if isinstance(delta_base, Blob) else delta_base
        found: dict[str, tuple[Array, int]] = {}
        if base_id is None or base_id == blob.id:
            return None, found
        with suppress(MissingObject, CorruptObject):
            if self.promised([base_id]):
                return None, found  # not fetched for this: it may save some space, and the store's lock is held
            # What was read need not be decoded, but only what can be decoded later may be referred to.
            known = known if known is not None and self._sound(base_id) else None
            header, payload = self._read(base_id)
            for name, place in header.slices().items():
                stored, array = header.arrays[name], blob.arrays.get(name)
                if array is None or (array.dtype, array.shape) != (stored.dtype, stored.shape):
                    continue
                if stored.depth < self.chain:
                    read = None if known is None else known.arrays[name]
                    found[name] = read or self._decode(base_id, name, stored, payload[place]), stored.depth + 1
        return base_id, found

    def _decode(self, blob_id: str, name: str, stored: StoredArray, payload: bytes, steps: int = MAX_STEPS) -> Array:
        reference = None
        if stored.reference is not None:
            reference = self._reference(blob_id, name, stored.reference, steps - 1)
        try:
            array = decode(payload, stored.recipe, dtype=stored.dtype, shape=stored.shape, reference=reference)
        except CorruptObject as error:
            raise _damaged(blob_id, f"array '{name}': {error.message}") from error
        if digest(array.data) != stored.sha256:
            raise _damaged(blob_id, f"array '{name}' decodes to another content")
        return array

    def _reference(self, blob_id: str, name: str, reference: str, steps: int) -> Array:
        if steps < 0:
            raise _damaged(blob_id, f"array '{name}' is the end of a chain without an end")
        try:
            header, payload = self._read(reference)
        except MissingObject as error:
            raise MissingObject(
                f"blob {blob_id[:12]} is stored as a difference to blob {reference[:12]}, which isn't in the store",
                hint=_HINT,
            ) from error
        stored = header.arrays.get(name)
        if stored is None:
            raise _damaged(blob_id, f"array '{name}' refers to blob {reference[:12]}, which has none of that name")
        return self._decode(reference, name, stored, payload[header.slices()[name]], steps)


def _split(blob_id: str, data: bytes) -> tuple[Header, bytes]:
    file = io.BytesIO(data)
    try:
        header = read_header(file, len(data))
        payload = file.read()
        check_payload(header, payload)
    except CorruptObject as error:
        raise _damaged(blob_id, error.message) from error
    if header.id != blob_id:
        raise _damaged(blob_id, "its content has another hash")
    return header, payload


def _detached(blob_id: str, data: bytes) -> Header:
    try:
        header = read_detached(data)
    except CorruptObject as error:
        raise _damaged(blob_id, error.message) from error
    if header.id != blob_id:
        raise _damaged(blob_id, "its header has another hash")
    return header


def _damaged(blob_id: str, problem: str) -> CorruptObject:
    return CorruptObject(f"blob {blob_id[:12]} is damaged: {problem}", hint=_HINT)
