"""Mend a store: what is lost or rotten is brought back from wherever it still is, and what can't be had is named.

An object's name is the hash of its content, so that it doesn't matter where it comes from, nor whether that place can
be trusted.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from wisedb.canonical import digest
from wisedb.errors import CorruptObject, MissingObject, StoreError
from wisedb.progress import Listener
from wisedb.store.blob_files import parse_header, read_blob
from wisedb.store.container import ID
from wisedb.store.dependents import Lost, dependents
from wisedb.store.files import Disk
from wisedb.store.fsck import Examine, FsckReport, fsck
from wisedb.store.loose_objects import BLOB_SUFFIX, COMMIT_SUFFIX
from wisedb.store.mend_refs import mend_refs
from wisedb.store.objects import Objects
from wisedb.store.receive import receive_blob, receive_commit
from wisedb.store.store import Store

_OBJECT_KINDS: Final = frozenset({"corrupt-object", "missing-object", "unreadable"})


class Source(Protocol):
    """A place where objects may still be. Nothing that it gives is believed."""

    @property
    def name(self) -> str:
        """What messages call it."""

    def find(self, wanted: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """(id, content of the file) of those commits and blobs that it has; it may have some twice.

        Raises:
            WisedbError: it can't be read (any further).
        """


@dataclass(frozen=True, slots=True)
class FolderSource:
    """The trash, another store, or an exported adapter: folders of files that go by their ids.

    Attributes:
        name: what messages call it.
        folder: where the files are: ``objects/``, or a folder in which they lie side by side (``flat``).
        flat: whether they do.
    """

    name: str
    folder: Path
    flat: bool = False

    def find(self, wanted: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """See :class:`Source`."""
        for object_id in wanted:
            for suffix in (COMMIT_SUFFIX, BLOB_SUFFIX):
                place = object_id if self.flat else f"{object_id[:2]}/{object_id[2:]}"
                with suppress(StoreError):
                    data = Disk(root=self.folder).read_if_there(self.folder / (place + suffix))
                    if data is not None:
                        yield object_id, data


@dataclass(frozen=True, slots=True)
class Repaired:
    """One thing that is whole again.

    Attributes:
        object: the id, the ref or the file.
        source: where it came from, or what it was made of.
    """

    object: str
    source: str


@dataclass(frozen=True, slots=True)
class Repair:
    """What was mended, and what could not be.

    Attributes:
        report: what is still wrong.
        repaired: what is whole again.
        lost: the objects that no source has, with all that depends on them.
    """

    report: FsckReport
    repaired: tuple[Repaired, ...]
    lost: tuple[Lost, ...]

    def to_json(self) -> dict[str, Any]:
        """What fsck prints, and ``"repaired"`` (objects, refs, files), ``"sources"`` (of each of these), ``"lost"``."""
        return {
            **self.report.to_json(),
            "repaired": [each.object for each in self.repaired],
            "sources": {each.object: each.source for each in self.repaired},
            "lost": [each.to_json() for each in self.lost],
        }


def repair(
    store: Store,
    sources: Iterable[Source] = (),
    *,
    examine: Examine | None = None,
    progress: Listener | None = None,
) -> Repair:
    """Bring back what is lost or rotten, and make derived data anew.

    Nothing that is whole is touched, and nothing that is damaged is thrown away before it is replaced.

    Args:
        store: the store.
        sources: where to look, one after the other, behind the store's own trash.
        examine: as for :func:`wisedb.store.fsck.fsck`.
        progress: told while the store is checked.

    Raises:
        StoreBusy, NoSpace, StoreNotWritable: some may have been mended.
    """
    places: Sequence[Source] = (FolderSource("the trash", store.root / "trash", flat=True), *sources)
    repaired: dict[str, Repaired] = {}
    report = fsck(store, progress=progress)
    while wanted := _wanted(store.objects, report) - repaired.keys():
        found = _bring(store, wanted, places)
        if not found:
            break
        repaired |= {each.object: each for each in found}
        # What came may need, or name, what is lost as well.
        report = fsck(store, progress=progress)
    for name, source in mend_refs(store):
        repaired[name] = Repaired(name, source)
    if repaired or store.index.status() == "corrupt":
        with suppress(StoreError):
            store.index.rebuild()
            repaired["index"] = Repaired("index", "the objects")
    report = fsck(store, examine=examine, progress=progress)
    return Repair(report, tuple(repaired.values()), dependents(store.objects, _wanted(store.objects, report)))


def _wanted(objects: Objects, report: FsckReport) -> set[str]:
    """The commits and blobs that are named, or are here, and can't be read."""
    named = {problem.object for problem in report.problems if problem.kind in _OBJECT_KINDS}
    return {each for each in named - report.edits if ID.fullmatch(each) and not _whole(objects, each)}


def _whole(objects: Objects, object_id: str) -> bool:
    """Whether the file of a commit or a blob is what its name says; what is in it may be nonsense all the same."""
    with suppress(MissingObject, CorruptObject, StoreError):
        if objects.has_commit(object_id):
            return digest(objects.disk.read(objects.commit_path(object_id))) == object_id
        if objects.is_promised(object_id):
            parse_header(object_id, objects.disk.read(objects.header_path(object_id)))
        else:
            read_blob(object_id, objects.blob_path(object_id), objects.disk)
        return True
    return False


def _bring(store: Store, wanted: Collection[str], places: Iterable[Source]) -> list[Repaired]:
    found: list[Repaired] = []
    left = set(wanted)
    for source in places:
        if not left:
            break
        for object_id, data in source.find(frozenset(left)):
            if object_id not in left:
                continue
            try:
                _put(store.objects, object_id, data)
            except CorruptObject:
                continue  # rotten there as well
            left.discard(object_id)
            found.append(Repaired(object_id, source.name))
    return found


def _put(objects: Objects, object_id: str, data: bytes) -> None:
    # Whoever may read the file must be able to put another in its place.
    for path in (objects.commit_path(object_id), objects.blob_path(object_id)):
        with suppress(OSError):
            if path.is_file() and not os.access(path, os.R_OK):
                path.chmod(0o444)
    if digest(data) == object_id:
        receive_commit(objects, object_id, data)
    else:
        receive_blob(objects, object_id, data)
