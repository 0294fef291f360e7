"""The objects of a store: blobs and commits, written once, named by their content, checked at every read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wisedb.canonical import digest
from wisedb.errors import CorruptObject, MissingObject, StoreError
from wisedb.store.blob_files import parse_blob, parse_header, read_blob, read_blob_header
from wisedb.store.blobs import Array, Blob
from wisedb.store.commits import Commit
from wisedb.store.container import ID, MAX_DEPTH, Header, StoredArray
from wisedb.store.delta import NO_REFERENCES, References, closure, decode_array, encode_blob, find_references
from wisedb.store.files import Disk
from wisedb.store.loose_objects import BLOB_SUFFIX, COMMIT_SUFFIX, HEADER_SUFFIX, HINT, LooseObjects
from wisedb.store.promised import Promise


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
        if self._loose.freshen(path) and self._sound(blob.id):
            return blob.id
        header, payload = encode_blob(blob, self._references(blob, delta_base))
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
            return read_blob_header(blob_id, self.blob_path(blob_id), self.disk)
        try:
            return parse_header(blob_id, self.disk.read(self.header_path(blob_id)))
        except MissingObject:
            return read_blob_header(blob_id, self.blob_path(blob_id), self.disk)  # the payload has just come

    def array(self, blob_id: str, name: str) -> Array:
        """One array of a blob, decoded and checked.

        Raises:
            MissingObject: the blob isn't there, or has no such array.
            CorruptObject: as :meth:`get`.
        """
        header, payload = self._read(blob_id)
        if name not in header.arrays:
            raise MissingObject(f"blob {blob_id[:12]} has no array '{name}'", hint=HINT)
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
        return self._loose.ids(BLOB_SUFFIX, HEADER_SUFFIX)

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
        return self.disk.size(path)

    def import_file(self, blob_id: str, data: bytes) -> None:
        """Store a blob's file as another store wrote it, after checking header, payload and id.

        Arrays that are stored as differences are checked when they are read, or by ``fsck``: the blob that they refer
        to may be imported later.

        Raises:
            CorruptObject: the bytes are not that blob's file; nothing is stored.
            NoSpace, StoreNotWritable: nothing is stored.
        """
        header, payload = parse_blob(blob_id, data)
        for name, place in header.slices().items():
            if header.arrays[name].reference is None:
                self._decode(blob_id, name, header.arrays[name], payload[place])
        path = self.blob_path(blob_id)
        if not (self._loose.freshen(path) and self._sound(blob_id)):
            self._write(blob_id, data)

    # Promised blobs

    def put_header(self, blob_id: str, data: bytes) -> None:
        """Store the header of a blob whose payload stays elsewhere for now. A blob that is here stays whole.

        Raises:
            CorruptObject: the bytes are not that blob's header; nothing is stored.
            NoSpace, StoreNotWritable: nothing is stored.
        """
        parse_header(blob_id, data)
        path = self.header_path(blob_id)
        if not self.blob_path(blob_id).is_file() and not self._loose.freshen(path):
            self._loose.write(path, data)

    def promised(self, blob_ids: Iterable[str]) -> list[str]:
        """Which of these blobs, and of those that decoding them needs, are only promised; sorted.

        Raises:
            MissingObject, CorruptObject: a header isn't there or doesn't fit its id.
        """
        return sorted(each for each in closure(blob_ids, self.header) if self.is_promised(each))

    def ensure(self, blob_ids: Iterable[str]) -> None:
        """Have the payloads of these blobs, and of those that decoding them needs: what is only promised is fetched.

        Whoever is about to read many blobs calls this first, so that they come at the same time, not one by one.

        Raises:
            MissingObject: nobody is there to fetch them.
            WisedbError: what the remote says.
        """
        lacking = self.promised(blob_ids)
        if lacking:
            self.promise.keep(lacking)

    # Commits

    def put_commit(self, commit: Commit) -> str:
        """Store a commit and return its id.

        Raises:
            NoSpace, StoreNotWritable: the commit was not stored.
        """
        path, data = self.commit_path(commit.id), commit.to_bytes()
        if self._loose.freshen(path):
            with suppress(StoreError):
                if self.disk.read(path) == data:
                    return commit.id
        self._loose.write(path, data)
        return commit.id

    def commit(self, commit_id: str) -> Commit:
        """The commit, checked against its id.

        Raises:
            MissingObject: it isn't there.
            CorruptObject: its file is damaged.
        """
        path = self.commit_path(commit_id)
        try:
            data = self.disk.read(path)
        except MissingObject as error:
            raise MissingObject(f"commit {commit_id[:12]} isn't in the store", hint=HINT) from error
        if digest(data) != commit_id:
            raise CorruptObject(f"commit {commit_id[:12]} is damaged: {path} has another content", hint=HINT)
        return Commit.from_bytes(data)

    def has_commit(self, commit_id: str) -> bool:
        """Whether the store holds that commit; its content is not looked at."""
        return ID.fullmatch(commit_id) is not None and self.commit_path(commit_id).is_file()

    def commit_ids(self, prefix: str = "") -> Iterator[str]:
        """The ids of all commits that begin with ``prefix``, sorted."""
        return self._loose.ids(COMMIT_SUFFIX, prefix=prefix)

    # Files

    def blob_path(self, blob_id: str) -> Path:
        """Where a blob's file is, or would be.

        Raises:
            CorruptObject: ``blob_id`` is not an id.
        """
        return self._loose.path(blob_id, BLOB_SUFFIX)

    def header_path(self, blob_id: str) -> Path:
        """Where a promised blob's header is, or would be.

        Raises:
            CorruptObject: ``blob_id`` is not an id.
        """
        return self._loose.path(blob_id, HEADER_SUFFIX)

    def commit_path(self, commit_id: str) -> Path:
        """Where a commit's file is, or would be.

        Raises:
            CorruptObject: ``commit_id`` is not an id.
        """
        return self._loose.path(commit_id, COMMIT_SUFFIX)

    @property
    def _loose(self) -> LooseObjects:
        return LooseObjects(self.folder, self.disk)

    def _write(self, blob_id: str, data: bytes) -> None:
        self._loose.write(self.blob_path(blob_id), data)
        # A dead process may leave the header behind: nothing looks at it where the blob is whole.
        with suppress(OSError):
            self.header_path(blob_id).unlink(missing_ok=True)

    def _sound(self, blob_id: str) -> bool:
        """Whether the files that decoding needs are whole, by their checksums."""
        with suppress(StoreError):
            list(closure([blob_id], lambda each: self._read(each)[0]))
            return True
        return False

    def _read(self, blob_id: str) -> tuple[Header, bytes]:
        if self.is_promised(blob_id):
            self.ensure([blob_id])
        return read_blob(blob_id, self.blob_path(blob_id), self.disk)

    def _references(self, blob: Blob, delta_base: Blob | str | None) -> References:
        base_id = delta_base.id if isinstance(delta_base, Blob) else delta_base
        if base_id is None or base_id == blob.id:
            return NO_REFERENCES
        with suppress(MissingObject, CorruptObject):
            if self.promised([base_id]):
                return NO_REFERENCES  # not fetched for this: it may save some space, and the store's lock is held
            # What was read need not be decoded, but only what can be decoded later may be referred to.
            known = delta_base if isinstance(delta_base, Blob) and self._sound(base_id) else None
            return find_references(self._read, blob, base_id, self.chain, known)
        return NO_REFERENCES

    def _decode(self, blob_id: str, name: str, stored: StoredArray, payload: bytes) -> Array:
        return decode_array(self._read, blob_id, name, stored, payload)
