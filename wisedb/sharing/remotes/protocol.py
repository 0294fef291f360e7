"""What every remote can do: read a pack's files, and publish new ones by one guarded move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from wisedb.progress import Listener
from wisedb.sharing.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of a pack from which a ref is fetched or pushed.

    Attributes:
        manifest: the manifest, ``None`` where nothing was published yet. For a ref that isn't there yet, the one that a
            new ref begins with (on the Hub, that of the default branch).
        lease: what a later publication is guarded with: it takes effect only if the pack is still there. The Hub's
            commit id, or the manifest's number; ``None`` where there is no pack yet.
        exists: whether the ref itself is there.
    """

    manifest: Manifest | None
    lease: str | None
    exists: bool


@dataclass(frozen=True, slots=True)
class Publication:
    """What a push wants to become visible, all of it or nothing.

    Attributes:
        snapshot: the state that it was computed from.
        branch: full name of the branch that carries it: the one that moves, or, where only tags move, one whose history
            holds them. Where :attr:`Remote.shared` is true it says nothing.
        refs: full name → new commit id, ``None`` to delete.
        manifest: the manifest afterwards.
        files: path in the pack → content, or the local file that has it: the bundles and objects that the new manifest
            needs and the snapshot's lacks. Their names are hashes of their content, so that what is there already
            under such a name needn't be sent again. The manifest and the card are not among them.
        removed: paths of bundles that the snapshot's manifest names and the new one doesn't. Whoever may still be
            reading them by the old manifest comes first: a remote deletes them in the same step only if readers of the
            old state keep them.
        card: the model card, ``None`` to leave what is there.
        message: what is published, one line.
        private: make a new repository private; ``None`` for the remote's default.
        create_pr: propose the change instead of making it.
    """

    snapshot: Snapshot
    branch: str | None
    refs: Mapping[str, str | None]
    manifest: Manifest
    files: Mapping[str, bytes | Path] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    card: str | None = None
    message: str = ""
    private: bool | None = None
    create_pr: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication came to.

    Attributes:
        sent: paths of those of its files that really travelled; the others were there already.
        bytes: what they weigh.
        url: where to look at it (a pull request's page), ``None`` where there is nothing special to see.
    """

    sent: frozenset[str]
    bytes: int
    url: str | None = None


class Remote(Protocol):
    """A pack somewhere. Nothing that it returns may be believed: callers check ids, sizes and names."""

    @property
    def url(self) -> str:
        """The canonical address, without any secret."""

    @property
    def shared(self) -> bool:
        """Whether one manifest names all refs, so that one publication may move several of them.

        So it is with folders and object stores. Otherwise, as on the Hub, there is a manifest for each branch, and a
        publication moves or deletes one branch, with tags of its history.
        """

    def refs(self) -> Mapping[str, str]:
        """Full name of every branch and tag → commit id; empty for an empty remote, or one that isn't there yet.

        Raises:
            NotAuthorized, RemoteUnavailable: it can't be read.
            CorruptObject, FormatTooNew: its manifest can't be read.
        """

    def snapshot(self, ref: str) -> Snapshot:
        """The present state, as far as ``ref`` (a full name) is concerned.

        Raises:
            NotAuthorized, RemoteUnavailable, CorruptObject, FormatTooNew: as :meth:`refs`.
        """

    def read(self, path: str, snapshot: Snapshot, *, limit: int) -> bytes:
        """One file of the pack as of a snapshot; several threads may call it at a time.

        Raises:
            MissingObject: there is no such file (any more).
            CorruptObject: it is longer than ``limit`` bytes.
            NotAuthorized, RemoteUnavailable: it can't be read.
        """

    def publish(self, publication: Publication, *, progress: Listener | None = None) -> Published:
        """Send the files (in parallel, and none that is there already), then make the move, as one step.

        Args:
            publication: what to publish.
            progress: told ``Progress("sending", done, total)`` in bytes.

        Raises:
            PushRejected: the pack is no longer at the snapshot's lease; the remote's refs are as they were.
            NotAuthorized, RemoteNotFound, RemoteUnavailable: the refs are as they were. After a server's error that
                leaves it open whether the move happened, the remote looks, and returns if it did.
        """
