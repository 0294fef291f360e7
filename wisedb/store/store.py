"""The store as a whole: its folder, its parts and how it comes into being."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wisedb.config import StoreConfig
from wisedb.errors import CorruptObject, MissingObject, NotAStore
from wisedb.preferences import Preference
from wisedb.store.blobs import Blob
from wisedb.store.commits import Commit
from wisedb.store.disk_errors import storage_errors
from wisedb.store.files import TEMPORARY, Disk, Fault, no_fault
from wisedb.store.lock import DEFAULT_TIMEOUT, StoreLock
from wisedb.store.objects import Objects
from wisedb.store.owner import TrustedOwners, check_owner
from wisedb.store.places import FOLDER, NOT_FOR_GIT, refuse_existing, store_in
from wisedb.store.refnames import BRANCHES, HEAD
from wisedb.store.refs import Refs
from wisedb.store.revisions import resolve
from wisedb.store.scores import Scores
from wisedb.store.staging import Staging
from wisedb.store.stash import Stash
from wisedb.store.tag_notes import TagNotes
from wisedb.store.transaction import Transaction

if TYPE_CHECKING:
    from wisedb.store.blob_cache import BlobCache
    from wisedb.store.index import Index

DEFAULT_BRANCH: Final = "main"

_CONFIG: Final = "config.toml"


class Store:
    """A ``.wisedb`` folder.

    The constructor looks at nothing; use :meth:`open`, :meth:`discover` or :meth:`init`.

    Args:
        root: the ``.wisedb`` folder itself.
        lock_timeout: seconds to wait for another writer.
        fault: called before each step of a write, for tests.

    Attributes:
        root: the ``.wisedb`` folder.
        objects: blobs and commits.
        refs: branches, tags, HEAD and their logs.
        staging: the edits that wait for a commit.
        stash: edits that were staged and put aside.
        tag_notes: what annotated tags say.
        scores: evaluations by commit.
        lock: the one that writers hold.
        disk: how files are written.
    """

    def __init__(self, root: Path, *, lock_timeout: float = DEFAULT_TIMEOUT, fault: Fault = no_fault) -> None:
        self.root = root
        self.disk = Disk(fault, root)
        self.lock = StoreLock(root / "lock", self.disk, timeout=lock_timeout)
        self.objects = Objects(root / "objects", self.disk)
        self.refs = Refs(root, self.lock, self.disk)
        self.staging = Staging(root / "staged.jsonl", self.lock, self.disk)
        self.stash = Stash(root / "stash.jsonl", self.lock, self.disk)
        self.tag_notes = TagNotes(root / "tag-notes", self.lock, self.disk)
        self.scores = Scores(root / "scores", self.disk)
        self._config: StoreConfig | None = None

    @classmethod
    def init(
        cls,
        folder: Path,
        config: StoreConfig,
        commit: Commit,
        blobs: Iterable[Blob] = (),
        *,
        branch: str = DEFAULT_BRANCH,
        fault: Fault = no_fault,
    ) -> Store:
        """Make ``folder/.wisedb``, whole or not at all, with a first commit on a first branch.

        Args:
            folder: made if it is missing.
            config: the store's configuration.
            commit: the first commit, without parents: the state before any edit.
            blobs: what that commit or the configuration names.
            branch: the first branch's name.
            fault: as for the constructor.

        Raises:
            StoreExists: there is one.
            StoreNotWritable, NoSpace: nothing was made.
        """
        folder = folder.absolute()
        target = folder / FOLDER
        refuse_existing(target)
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            making = folder / f"{FOLDER}.tmp-{secrets.token_hex(8)}"
            making.mkdir()  # who may read and write is for the umask to say, whatever the folder around it allows
        try:
            store = cls.lay_out(making, config, branch=branch, fault=fault)
            with store.transaction(None) as transaction:
                for blob in blobs:
                    transaction.put(blob)
                transaction.land(commit, action="init")
            with storage_errors(target):
                fault("rename the store")
                try:
                    # Over an empty folder this succeeds, over one with content it can't.
                    making.rename(target)
                except OSError as error:
                    refuse_existing(target, error)
                    raise
                Disk().sync(folder)
        except BaseException:
            with suppress(OSError):
                shutil.rmtree(making)
            raise
        return cls.open(target)

    @classmethod
    def lay_out(
        cls, root: Path, config: StoreConfig, *, branch: str = DEFAULT_BRANCH, fault: Fault = no_fault
    ) -> Store:
        """Make the folders of a store that has no commit yet, its configuration, and HEAD on a branch to come.

        It is nobody's store before a commit has landed on that branch: work on it under another name than the one
        that it will have.

        Raises:
            StoreNotWritable, NoSpace: it isn't complete.
        """
        store = cls(root, fault=fault)
        for name in ("objects", "refs/heads", "refs/tags", "logs", "index", "scores"):
            store.disk.make_folder(root / name)
        store.disk.write(root / ".gitignore", NOT_FOR_GIT)
        store.disk.write(root / _CONFIG, config.to_toml())
        store.disk.write(root / HEAD, f"ref: {BRANCHES}{branch}\n".encode())
        return store

    @classmethod
    def open(cls, path: Path, *, lock_timeout: float = DEFAULT_TIMEOUT, fault: Fault = no_fault) -> Store:
        """Open the store in ``path``, which is the ``.wisedb`` folder or the folder that holds it.

        Raises:
            NotAStore: there is none.
            CorruptObject: its configuration is damaged.
            FormatTooNew: a newer wisedb wrote it.
        """
        path = path.absolute()
        if (root := store_in(path)) is None:
            raise NotAStore(f"there is no store in {path}", hint="`wisedb init` makes one.")
        store = cls(root, lock_timeout=lock_timeout, fault=fault)
        _ = store.config
        return store

    @classmethod
    def discover(
        cls, start: Path, *, lock_timeout: float = DEFAULT_TIMEOUT, owners: TrustedOwners | None = None
    ) -> Store:
        """Open the store in ``start`` or in the nearest folder above it.

        Args:
            start: where to begin.
            lock_timeout: seconds to wait for another writer.
            owners: whose stores are used besides one's own.

        Raises:
            NotAStore: there is none up to the root of the file system.
            UnsafeOwner: it is another user's, and not to be trusted.
            CorruptObject, FormatTooNew: as :meth:`open`.
        """
        start = start.absolute()
        for folder in (start, *start.parents):
            if (root := store_in(folder)) is not None:
                check_owner(root, owners or TrustedOwners())
                return cls.open(root, lock_timeout=lock_timeout)
        raise NotAStore(
            f"there is no store in {start} or above",
            hint="`wisedb init` makes one; `wisedb -C DIR` names another place.",
        )

    @cached_property
    def index(self) -> Index:
        """Derived data for queries, told of new commits."""
        # Here, and the cache below: `log` and `branch` never ask them.
        from wisedb.store.index import Index

        return Index(self.root, self.objects, self.refs, self.scores, disk=Disk(root=self.root))

    @cached_property
    def blob_cache(self) -> BlobCache:
        """What was read or written last, in front of the objects."""
        from wisedb.store.blob_cache import BlobCache

        return BlobCache(self.objects)

    @property
    def config(self) -> StoreConfig:
        """The configuration, read once.

        Raises:
            CorruptObject: it is damaged or gone.
            FormatTooNew: a newer wisedb wrote it.
        """
        if self._config is None:
            path = self.root / _CONFIG
            try:
                data = self.disk.read(path)
            except MissingObject as error:
                raise CorruptObject(
                    f"{path} is gone", hint="Restore the file from a backup, or clone the store again."
                ) from error
            self._config = StoreConfig.from_toml(data, str(path))
        return self._config

    def write_config(self, config: StoreConfig) -> None:
        """Replace the configuration.

        Raises:
            StoreBusy, NoSpace, StoreNotWritable: nothing has changed.
        """
        with self.lock.hold("writing the configuration"):
            self.disk.write(self.root / _CONFIG, config.to_toml())
        self._config = config

    def change_preferences(
        self, change: Callable[[dict[str, Preference]], Mapping[str, Preference]]
    ) -> Mapping[str, Preference]:
        """Replace the store's preferences by what is made of them; what they are then.

        Args:
            change: takes the present ones, read under the lock.

        Raises:
            StoreBusy, NoSpace, StoreNotWritable: nothing has changed.
        """
        with self.lock.hold("writing the preferences"):
            config = Store.open(self.root).config
            made = change(dict(config.preferences))
            if made != config.preferences:
                self.write_config(replace(config, preferences=made))
        return made

    def check_writable(self) -> None:
        """Make sure that a commit could land, before anybody trains one; nothing stays there.

        Raises:
            StoreBusy, StoreNotWritable, NoSpace, StoreError: none could.
        """
        with self.lock.hold("looking whether the store can be written"):
            objects = self.root / "objects"
            self.disk.make_folder(objects)
            with storage_errors(objects):
                handle, name = tempfile.mkstemp(prefix=TEMPORARY, dir=objects)
                os.close(handle)
                Path(name).unlink()

    def resolve(self, revision: str) -> str:
        """The id of the commit that a revision names; see :mod:`wisedb.store.revisions`.

        Raises:
            UnknownRevision, AmbiguousId: it names none, or several.
            CorruptObject, MissingObject: damage is in the way.
        """
        return resolve(revision, self.refs, self.objects)

    def head_commit(self) -> tuple[str, Commit]:
        """Id and content of the commit at HEAD. There always is one: ``init`` lands the first.

        Raises:
            CorruptObject: HEAD, its branch or the commit is damaged.
            MissingObject: the commit isn't there.
        """
        head = self.refs.head()
        if head.commit is None:
            raise CorruptObject(
                f"HEAD is damaged: it names a branch '{head.branch}' that doesn't exist",
                hint="`wisedb branch` lists the branches, `wisedb switch` attaches HEAD to one.",
            )
        commit_id = self.resolve(HEAD)
        return commit_id, self.objects.commit(commit_id)

    def transaction(self, expected: str | None, *, ref: str = HEAD) -> Transaction:
        """A write that lands on ``ref`` if it still is at ``expected``; see :class:`Transaction`.

        Give the ref that was read before the work began (``refs.head().ref``), so that a HEAD that moved to another
        branch meanwhile is not taken for it.
        """
        parts = (self.objects, self.refs, self.staging, self.lock)
        return Transaction(*parts, expected=expected, ref=ref, note=self.index.note_commit)
