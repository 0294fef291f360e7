"""Check everything: every byte of every object, and that all that is named is there. Changes nothing, never raises."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from wisedb.config import EditorChoice
from wisedb.errors import CorruptObject, FormatTooNew, MissingObject, UnsafeFile, WisedbError
from wisedb.progress import Listener, Progress
from wisedb.store.beneath import odd_beneath
from wisedb.store.blobs import Blob
from wisedb.store.check_refs import foreign_files, strayed
from wisedb.store.commits import Commit
from wisedb.store.container import ID
from wisedb.store.contents import EDITS, are_ids, check_meta, read_records
from wisedb.store.files import is_temporary
from wisedb.store.loose_objects import BLOB_SUFFIX, COMMIT_SUFFIX, HEADER_SUFFIX
from wisedb.store.memory_entry import MemoryEntry
from wisedb.store.named import named_blobs, read_commit, resources
from wisedb.store.promised import Promise
from wisedb.store.refnames import HEAD
from wisedb.store.schemas import EDIT, schema_problem
from wisedb.store.store import Store

# What content that passes for JSON can still do to code that expects a certain form of it.
_MALFORMED: Final = (KeyError, TypeError, ValueError, AttributeError, RecursionError, OSError)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        kind: ``corrupt-object``, ``missing-object``, ``corrupt-ref``, ``corrupt-reflog``, ``corrupt-config``,
            ``corrupt-staging``, ``corrupt-index``, ``corrupt-scores``, ``format-too-new``, ``unreadable``,
            ``unsafe-file`` (a link, a pipe or a device) or ``stray-file``.
        object: the id, the ref or the file.
        detail: what is wrong with it, one line.
    """

    kind: str
    object: str
    detail: str

    def to_json(self) -> dict[str, str]:
        """``{"kind", "object", "detail"}``."""
        return {"kind": self.kind, "object": self.object, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class FsckReport:
    """What was found.

    Attributes:
        problems: all that is wrong.
        objects: how many blobs and commits were looked at.
        promised: how many of the blobs are only promised: their headers were looked at.
        edits: the ids of edits that a commit speaks of and that no blob holds the record of.
    """

    problems: tuple[Problem, ...]
    objects: int
    promised: int = 0
    edits: frozenset[str] = frozenset()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """``{"ok", "problems", "objects", "promised"}``."""
        return {
            "ok": self.ok,
            "problems": [problem.to_json() for problem in self.problems],
            "objects": self.objects,
            "promised": self.promised,
        }


Examine = Callable[[MemoryEntry], object]
"""Reads a memory of a commit and raises what is wrong with it; the store itself knows no tensors."""


def fsck(store: Store, *, examine: Examine | None = None, progress: Listener | None = None) -> FsckReport:
    """Check a store.

    Works on ``Store(root)`` too, where ``Store.open`` refuses because the configuration is damaged.

    Args:
        store: the store.
        examine: looks into each version of each memory too; without it only hashes and names are checked.
        progress: told after each object.
    """
    return _Check(store, examine, progress).run()


class _Check:
    def __init__(self, store: Store, examine: Examine | None, progress: Listener | None) -> None:
        self._store = store
        # Whatever is only promised stays so: a check neither fetches nor waits for a network.
        self._objects = replace(store.objects, promise=Promise())
        self._progress = progress
        self._examine = examine
        self._examined: set[tuple[str | None, ...]] = set()
        self._promised = 0
        self._problems: list[Problem] = []
        self._kinds: dict[str, str] = {}
        self._records: set[str] = set()
        self._listed: set[str] = set()
        self._unknown: set[str] = set()

    def run(self) -> FsckReport:
        blobs: list[str] = []
        commits: list[str] = []
        with self._watch("objects"):
            blobs, commits = list(self._objects.ids()), list(self._objects.commit_ids())
        total = len(blobs) + len(commits)
        for number, blob_id in enumerate(blobs, 1):
            with self._watch(blob_id):
                self._blob(blob_id)
            self._report(number, total)
        for number, commit_id in enumerate(commits, len(blobs) + 1):
            with self._watch(commit_id):
                self._commit(commit_id)
            self._report(number, total)
        with self._watch("config.toml", "corrupt-config"):
            self._need_resources("config.toml", self._store.config.editor)
        with self._watch("refs", "corrupt-ref"):
            self._refs()
        with self._watch("staged.jsonl", "corrupt-staging"):
            self._store.staging.edits()
        with self._watch("scores", "corrupt-scores"):
            self._scores()
        with self._watch("."):
            for path in sorted(odd_beneath(self._store.root)):
                self._add("unsafe-file", path.relative_to(self._store.root).as_posix(), "it is no plain file")
            self._strays()
        with self._watch("index", "corrupt-index"):
            if not self._problems:  # what can't be read can't be compared
                self._store.index.check()
        return FsckReport(tuple(self._problems), total, self._promised, frozenset(self._unknown))

    # Objects

    def _blob(self, blob_id: str) -> None:
        if self._objects.promised([blob_id]):
            self._promised_blob(blob_id)
            return
        blob = self._objects.get(blob_id)
        self._kinds[blob_id] = blob.kind
        check_meta(blob.kind, blob.meta)
        if blob.kind == EDITS:
            _check_schema(blob)
            self._records.update(edit.id for edit in read_records(blob))

    def _promised_blob(self, blob_id: str) -> None:
        """A blob that is not here, or that needs one that isn't: its header tells enough to check the commits."""
        self._promised += 1
        header = self._objects.header(blob_id)
        self._kinds[blob_id] = header.kind
        check_meta(header.kind, header.meta)
        if header.kind == EDITS:
            self._records.update(header.meta["edits"])

    def _commit(self, commit_id: str) -> None:
        self._objects.commit(commit_id)
        commit = read_commit(self._store.disk.read(self._objects.commit_path(commit_id)))
        for parent in commit.parents:
            if not self._objects.has_commit(parent):
                self._add("missing-object", parent, f"commit {commit_id[:12]} has it as a parent")
        self._commit_blobs(commit_id, commit)

    def _commit_blobs(self, commit_id: str, commit: Commit) -> None:
        where = f"commit {commit_id[:12]}"
        for blob_id, kind in named_blobs(commit):
            self._need_blob(where, blob_id, kind)
        for memory in commit.memories:
            self._memory(memory)
        self._need_edits(f"{where} adds this edit", commit.added)
        self._need_edits(f"{where} takes this edit out", commit.reverted)
        for memory in commit.memories:
            if memory.main in self._kinds and memory.main not in self._listed:
                self._listed.add(memory.main)
                listed = self._objects.meta(memory.main)[1].get("edits")
                if are_ids(listed):
                    self._need_edits(f"memory {memory.main[:12]} of {where} holds this edit", listed)

    def _need_edits(self, where: str, edits: Iterable[str]) -> None:
        unknown = [edit_id for edit_id in edits if edit_id not in self._records]
        if unknown:
            self._unknown.update(unknown)
            self._add("missing-object", unknown[0], f"{where}, and no blob holds its record")

    def _memory(self, memory: MemoryEntry) -> None:
        blobs = tuple(memory.blobs.values())
        # What can't even be read is a problem of its own already.
        there = all(blob in self._kinds and not self._objects.promised([blob]) for blob in blobs)
        # Two commits may take the same blobs for memories of different kinds.
        seen = (memory.kind, memory.gate, memory.main, *blobs)
        if self._examine is not None and there and seen not in self._examined:
            self._examined.add(seen)
            with self._watch(memory.main):
                self._examine(memory)

    def _need_resources(self, where: str, editor: EditorChoice) -> None:
        for blob_id, kind in resources(editor.resources.items()):
            self._need_blob(where, blob_id, kind)

    def _need_blob(self, where: str, blob_id: str, kind: str | None) -> None:
        found = self._kinds.get(blob_id)
        if found is None and not self._objects.has(blob_id):
            self._add("missing-object", blob_id, f"{where} names it")
        elif found is not None and kind is not None and found != kind:
            self._add(
                "corrupt-object", blob_id, f"{where} takes it for a blob of kind '{kind}', it is of kind '{found}'"
            )

    def _strays(self) -> None:
        root = self._objects.folder
        for path in self._store.disk.walk(root):
            name = path.relative_to(root).as_posix()
            stem = name.removesuffix(BLOB_SUFFIX).removesuffix(COMMIT_SUFFIX).removesuffix(HEADER_SUFFIX)
            named = ID.fullmatch(stem.replace("/", "", 1)) and len(stem.split("/")[0]) == 2 and stem != name
            if not is_temporary(path) and not named:
                self._add("stray-file", f"objects/{name}", "it isn't named like an object; nothing reads it")

    # All that names objects

    def _refs(self) -> None:
        refs = self._store.refs
        with self._watch(HEAD, "corrupt-ref"):
            head = refs.head()
            if head.commit is None:
                raise CorruptObject(f"it names a branch '{head.branch}' that doesn't exist")
            self._need_commit(HEAD, head.commit)
        for name in foreign_files(refs):
            self._add("stray-file", name, "it isn't named like a ref; nothing reads it")
        for ref in refs.names():
            with self._watch(ref, "corrupt-ref"):
                commit_id = refs.read(ref)
                if commit_id is not None:
                    self._need_commit(ref, commit_id)
        for ref in refs.logs.names():
            with self._watch(f"logs/{ref}", "corrupt-reflog"):
                for move in refs.logs.lines(ref):
                    for commit_id in (move.from_, move.to):
                        if commit_id is not None:
                            self._need_commit(f"the reflog of {ref}", commit_id)
        for stray in strayed(refs):
            if stray.last is None:
                self._add("corrupt-reflog", f"logs/{stray.ref}", stray.detail)
            else:
                self._add("corrupt-ref", stray.ref, stray.detail)

    def _need_commit(self, where: str, commit_id: str) -> None:
        if not self._objects.has_commit(commit_id):
            self._add("missing-object", commit_id, f"{where} names this commit")

    def _scores(self) -> None:
        for path in self._store.disk.walk(self._store.root / "scores"):
            if path.suffix == ".json" and not is_temporary(path):
                with self._watch(path.relative_to(self._store.root).as_posix(), "corrupt-scores"):
                    self._store.scores.read(path)

    # Reporting

    @contextmanager
    def _watch(self, name: str, kind: str = "corrupt-object") -> Iterator[None]:
        try:
            yield
        except MissingObject as error:
            self._add("missing-object", name, error.message)
        except FormatTooNew as error:
            self._add("format-too-new", name, error.message)
        except CorruptObject as error:
            self._add(error.kind if isinstance(error, UnsafeFile) else kind, name, error.message)
        except WisedbError as error:
            self._add("unreadable", name, error.message)
        except _MALFORMED as error:
            self._add(kind, name, f"it is malformed: {error!r}")

    def _add(self, kind: str, name: str, detail: str) -> None:
        problem = Problem(kind, name, " ".join(detail.split()))
        if problem not in self._problems:
            self._problems.append(problem)

    def _report(self, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(Progress("checking", done, total))


def _check_schema(blob: Blob) -> None:
    for record in json.loads(blob.arrays["records"].data):
        problem = schema_problem(EDIT, record)
        if problem is not None:
            raise CorruptObject(f"one of its edits breaks the schema: {problem}")
