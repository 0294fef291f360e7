"""A pack in a place of files (a folder, a bucket) without transactions: its manifests are numbered and never change.

::

    manifests/00000012.json     the highest number counts
    bundles/ab/….zip            named by their hash
    objects/ab/….safetensors    named by their header's hash
    README.md

A push sends its files, whose names nobody else gives to anything else, and then makes the next manifest, exclusively:
of two that began at number 12 one makes number 13, the other is refused. Of old manifests, and of the bundles that only
they name, enough are kept for whoever is reading by them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from wisedb.errors import CorruptObject, MissingObject, PushRejected, RemoteNotFound, UsageError, WisedbError
from wisedb.progress import Listener
from wisedb.sharing.manifest import CARD, MANIFEST, MAX_MANIFEST, Manifest
from wisedb.sharing.remotes.protocol import Publication, Published, Snapshot
from wisedb.sharing.transfer import Meter, in_parallel
from wisedb.store.files import Disk

KEPT: Final = 32
"""Manifests that are kept. Who reads by an older one has to begin anew."""

_FOLDER: Final = "manifests"
_NUMBER: Final = re.compile(r"(\d{8,12})\.json")
_OURS: Final = frozenset({_FOLDER, "bundles", "objects", CARD, MANIFEST})


class Files(Protocol):
    """A place of files."""

    @property
    def url(self) -> str:
        """Its canonical address."""

    def names(self, folder: str) -> list[str]:
        """What is directly in a folder (``""``: at the top), empty where it isn't there."""

    def size(self, path: str) -> int | None:
        """A file's length in bytes, ``None`` where there is none."""

    def read(self, path: str, *, limit: int) -> bytes:
        """A file's bytes.

        Raises:
            MissingObject: there is no such file.
            CorruptObject: it is longer than ``limit``.
        """

    def write(self, path: str, content: bytes | Path) -> None:
        """Put a file there, whole or not at all, replacing what is there."""

    def create(self, path: str, data: bytes) -> bool:
        """Put a file there, whole or not at all, unless there is one; whether this call did. One of many wins."""

    def remove(self, path: str) -> None:
        """Delete a file if it is there."""


class NumberedRemote:
    """A pack in a place of files.

    Args:
        files: the place.
        kept: see :data:`KEPT`.
    """

    shared = True

    def __init__(self, files: Files, *, kept: int = KEPT) -> None:
        self._files = files
        self._kept = kept

    @property
    def url(self) -> str:
        """The canonical address."""
        return self._files.url

    def refs(self) -> Mapping[str, str]:
        """Full name of every branch and tag → commit id."""
        manifest, _ = self._newest()
        return {} if manifest is None else manifest.refs

    def snapshot(self, ref: str) -> Snapshot:
        """The present state."""
        manifest, number = self._newest()
        if manifest is None:
            return Snapshot(None, None, False)
        return Snapshot(manifest, str(number), ref in manifest.refs)

    def read(self, path: str, snapshot: Snapshot, *, limit: int) -> bytes:
        """One file of the pack."""
        return self._files.read(path, limit=limit)

    def publish(self, publication: Publication, *, progress: Listener | None = None) -> Published:
        """Send the files, then make the next manifest."""
        if publication.create_pr or publication.private is not None:
            raise UsageError(
                f"{self.url} knows neither pull requests nor private packs", hint="Those are things of the Hub."
            )
        lease = publication.snapshot.lease
        base = -1 if lease is None else int(lease)
        self._check_lease(base)
        sent = self._send(publication, progress)
        self._check_lease(base)
        data = publication.manifest.to_bytes()
        mine = _manifest_path(base + 1)
        if not self._files.create(mine, data):
            raise self._lost()
        if not _follows(base, self._numbers()):
            self._files.remove(mine)
            raise self._lost()
        # It is published: from here on nothing may claim that it isn't.
        with suppress(WisedbError, OSError):
            if publication.card is not None:
                self._files.write(CARD, publication.card.encode())
        with suppress(WisedbError, OSError):
            self._prune()
        return Published(frozenset(sent), sum(sent.values()) + len(data))

    # Reading

    def _numbers(self) -> list[int]:
        found = (_NUMBER.fullmatch(name) for name in self._files.names(_FOLDER))
        return sorted(int(match[1]) for match in found if match is not None)

    def _newest(self) -> tuple[Manifest | None, int]:
        for _ in range(3):
            numbers = self._numbers()
            if not numbers:
                break
            with suppress(MissingObject):  # many pushes went by between the two steps
                return self._manifest(numbers[-1]), numbers[-1]
        # A repository of the Hub that was downloaded as a folder.
        if self._files.size(MANIFEST) is not None:
            return Manifest.from_bytes(self._files.read(MANIFEST, limit=MAX_MANIFEST), f"{self.url}/{MANIFEST}"), 0
        self._refuse_others()
        return None, -1

    def _manifest(self, number: int) -> Manifest:
        path = _manifest_path(number)
        return Manifest.from_bytes(self._files.read(path, limit=MAX_MANIFEST), f"{self.url}/{path}")

    def _refuse_others(self) -> None:
        """Nothing is published into a place where something else is."""
        others = sorted(name for name in self._files.names("") if name not in _OURS and not name.startswith(".tmp-"))
        if ".wisedb" in others or {"HEAD", "refs"} <= set(others):
            raise RemoteNotFound(
                f"{self.url} is a store, and not a pack",
                hint="Push from that store into a folder of its own (`wisedb push ./pack`), and use that.",
            )
        if others:
            raise RemoteNotFound(
                f"{self.url} holds no pack, but other things: {', '.join(others[:3])}",
                hint="Give the folder of a pack, or an empty or new one.",
            )

    # Publishing

    def _check_lease(self, base: int) -> None:
        newest = max(self._numbers(), default=-1)
        if newest != base and not (base == 0 and newest == -1):
            raise self._lost()

    def _lost(self) -> PushRejected:
        return PushRejected(
            f"{self.url} has moved: another push landed first",
            hint="Nothing has changed. `wisedb pull` brings its commits; then push again.",
        )

    def _send(self, publication: Publication, progress: Listener | None) -> dict[str, int]:
        """Send what isn't there; path → bytes of what was sent."""
        sizes = {path: _size(content) for path, content in publication.files.items()}
        sent: dict[str, int] = {}

        def send(path: str) -> None:
            # Where a push was interrupted, what it had sent is there: the name says what is in it. A length is no proof
            # of that.
            if self._files.size(path) != sizes[path] or not self._holds(path, publication.files[path]):
                self._files.write(path, publication.files[path])
                sent[path] = sizes[path]

        in_parallel(send, sizes, Meter("sending", sum(sizes.values()), progress))
        return sent

    def _holds(self, path: str, content: bytes | Path) -> bool:
        data = content if isinstance(content, bytes) else Disk().read(content)
        try:
            return self._files.read(path, limit=len(data)) == data
        except (MissingObject, CorruptObject):
            return False

    def _prune(self) -> None:
        numbers = self._numbers()
        # The first one stays for good, so that nobody can be first again.
        old, kept = numbers[1 : -self._kept], numbers[-self._kept :]
        if not old:
            return
        needed = {bundle.path for number in (kept[0], kept[-1]) for bundle in self._manifest(number).bundles}
        for number in old:
            unneeded = {bundle.path for bundle in self._manifest(number).bundles} - needed
            for path in sorted(unneeded):
                self._files.remove(path)
            self._files.remove(_manifest_path(number))


def _manifest_path(number: int) -> str:
    return f"{_FOLDER}/{number:08}.json"


def _follows(base: int, numbers: list[int]) -> bool:
    """Whether the manifest that was just made after number ``base`` counts.

    Numbers become free again when they are old enough, all but the first. Where the one before is gone, or there are
    later ones but not the next, many went by meanwhile: then this one mustn't be taken for a success.
    """
    mine = base + 1
    before = base in numbers or numbers[:1] == [mine]
    return before and (numbers[-1:] == [mine] or mine + 1 in numbers)


def _size(content: bytes | Path) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size
