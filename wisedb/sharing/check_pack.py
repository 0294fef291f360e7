"""Check a pack: every file, every object in it, and that all that its refs lead to is there. Nothing is changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from wisedb.canonical import digest
from wisedb.errors import CorruptObject, FormatTooNew, MissingObject, StoreError
from wisedb.progress import Listener, Progress
from wisedb.sharing.bundle import Contents, read_bundle
from wisedb.sharing.incoming import file_size
from wisedb.sharing.manifest import Bundle, object_path
from wisedb.sharing.remotes.protocol import Remote, Snapshot
from wisedb.sharing.sources import bundles_of, snapshots_of
from wisedb.store.blob_files import parse_blob, parse_header
from wisedb.store.commits import Commit
from wisedb.store.container import Header
from wisedb.store.contents import check_meta
from wisedb.store.fsck import FsckReport, Problem
from wisedb.store.named import named_blobs, read_commit


@dataclass(slots=True)
class PackState:
    """What a pack holds that is whole, and what is not.

    Attributes:
        problems: all that is wrong.
        bad: the bundles that are damaged or gone.
        commits: the commits that can be read.
        headers: those of the blobs that are whole.
        broken: the blobs whose file is damaged or gone → the bundle with its header.
        places: where the files of large blobs are, or should be.
    """

    problems: list[Problem] = field(default_factory=list)
    bad: list[Bundle] = field(default_factory=list)
    commits: dict[str, Commit] = field(default_factory=dict)
    headers: dict[str, Header] = field(default_factory=dict)
    broken: dict[str, Bundle] = field(default_factory=dict)
    places: set[str] = field(default_factory=set)

    @property
    def report(self) -> FsckReport:
        """As fsck has it."""
        return FsckReport(tuple(self.problems), len(self.commits) + len(self.headers) + len(self.broken))


def check_pack(remote: Remote, *, progress: Listener | None = None) -> PackState:
    """Read all of a pack and check it.

    Args:
        remote: where it is.
        progress: told after each bundle.

    Raises:
        RemoteNotFound: there is no pack.
        RemoteError, CorruptObject, FormatTooNew: its manifest can't be read.
    """
    return _Check(remote, progress).run()


class _Check:
    def __init__(self, remote: Remote, progress: Listener | None) -> None:
        self._remote = remote
        self._progress = progress
        self._state = PackState()

    def run(self) -> PackState:
        listed = list(bundles_of(self._remote))
        for done, (bundle, snapshot) in enumerate(listed, 1):
            self._bundle(bundle, snapshot)
            if self._progress is not None:
                self._progress(Progress("checking", done, len(listed)))
        for snapshot in snapshots_of(self._remote):
            if snapshot.manifest is not None:
                for ref, commit_id in sorted(snapshot.manifest.refs.items()):
                    self._need_commit(f"{ref} names it", commit_id)
        for commit_id, commit in self._state.commits.items():
            for parent in commit.parents:
                self._need_commit(f"commit {commit_id[:12]} has it as a parent", parent)
            for blob_id, kind in named_blobs(commit):
                self._need_blob(f"commit {commit_id[:12]}", blob_id, kind)
        for blob_id, header in self._state.headers.items():
            for reference in header.references:
                self._need_blob(f"blob {blob_id[:12]}", reference, None)
        return self._state

    def _bundle(self, bundle: Bundle, snapshot: Snapshot) -> None:
        try:
            contents = read_bundle(bundle, self._remote.read(bundle.path, snapshot, limit=bundle.bytes))
        except (CorruptObject, MissingObject) as error:
            self._state.bad.append(bundle)
            kind = "corrupt-object" if isinstance(error, CorruptObject) else "missing-object"
            self._add(kind, bundle.path, error.message)
            return
        self._contents(bundle, snapshot, contents)

    def _contents(self, bundle: Bundle, snapshot: Snapshot, contents: Contents) -> None:
        for commit_id, data in contents.commits.items():
            self._watch(commit_id, partial(self._commit, commit_id, data))
        for blob_id, data in contents.blobs.items():
            self._watch(blob_id, partial(self._blob, blob_id, data))
        for blob_id, data in contents.headers.items():
            if blob_id in self._state.headers:
                continue
            self._state.broken[blob_id] = bundle
            self._watch(blob_id, partial(self._large, blob_id, data, snapshot))
            if blob_id in self._state.headers:
                del self._state.broken[blob_id]

    def _commit(self, commit_id: str, data: bytes) -> None:
        if digest(data) != commit_id:
            raise CorruptObject("it has another hash")
        self._state.commits[commit_id] = read_commit(data)

    def _blob(self, blob_id: str, data: bytes) -> None:
        header, _ = parse_blob(blob_id, data)
        check_meta(header.kind, header.meta)
        self._state.headers[blob_id] = header

    def _large(self, blob_id: str, data: bytes, snapshot: Snapshot) -> None:
        header = parse_header(blob_id, data)
        self._state.places.add(object_path(header))
        file = self._remote.read(object_path(header), snapshot, limit=file_size(header))
        if not file.startswith(data):
            raise CorruptObject(f"{object_path(header)} has another header")
        self._blob(blob_id, file)

    def _need_commit(self, where: str, commit_id: str) -> None:
        if commit_id not in self._state.commits:
            self._add("missing-object", commit_id, where)

    def _need_blob(self, where: str, blob_id: str, kind: str | None) -> None:
        header = self._state.headers.get(blob_id)
        if header is None:
            self._add("missing-object", blob_id, f"{where} names it")
        elif kind is not None and header.kind != kind:
            self._add("corrupt-object", blob_id, f"{where} takes it for a blob of kind '{kind}'")

    def _watch(self, name: str, look: Callable[[], None]) -> None:
        try:
            look()
        except MissingObject as error:
            self._add("missing-object", name, error.message)
        except FormatTooNew as error:
            self._add("format-too-new", name, error.message)
        except StoreError as error:
            self._add("corrupt-object", name, error.message)

    def _add(self, kind: str, name: str, detail: str) -> None:
        known = {problem.object for problem in self._state.problems}
        if name not in known:
            self._state.problems.append(Problem(kind, name, " ".join(detail.split())))
