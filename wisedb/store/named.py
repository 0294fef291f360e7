"""What a commit names: its blobs with the kinds that they must be of, and the edits that it speaks of.

Used by whoever has to say that a commit is whole: ``fsck`` for all that are here, a fetch for those that arrive.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator

from wisedb.errors import CorruptObject
from wisedb.store.commits import Commit
from wisedb.store.contents import EDITS, HINT, check_meta, read_records
from wisedb.store.objects import Objects
from wisedb.store.schemas import COMMIT, schema_problem


def read_commit(data: bytes) -> Commit:
    """A commit out of its bytes, held against the schema, and against the one spelling that it has.

    Raises:
        CorruptObject: it is none.
        FormatTooNew: a newer wisedb wrote it.
    """
    commit = Commit.from_bytes(data)
    problem = schema_problem(COMMIT, json.loads(data))
    if problem is not None:
        raise CorruptObject(f"it breaks the schema: {problem}", hint=HINT)
    if commit.to_bytes() != data:
        raise CorruptObject("it is not canonical JSON", hint=HINT)
    return commit


def named_blobs(commit: Commit) -> Iterator[tuple[str, str]]:
    """(id, the kind that it must be of) of each blob that a commit names."""
    if commit.edits is not None:
        yield commit.edits, EDITS
    choices = [commit.editor, *(memory.editor for memory in commit.memories if memory.editor is not None)]
    for choice in choices:
        yield from resources(choice.resources.items())
    for memory in commit.memories:
        for role, blob_id in memory.blobs.items():
            yield blob_id, role


def resources(named: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """(id, kind) of an editor's resources, which go by their kind, and by a module where there are several."""
    for name, blob_id in named:
        yield blob_id, name.partition(":")[0]


class HistoryCheck:
    """Checks the commits that arrive, parents first, before anything names them; all that they name must be there.

    Args:
        objects: where the blobs are, and the commits that were there before.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._kinds: dict[str, str] = {}
        self._edits: set[str] = set()
        self._walk: Iterator[Collection[str]] | None = None

    def check(self, commit: Commit, parent_of: Callable[[str], Commit]) -> None:
        """Check one commit.

        Args:
            commit: the commit; its blobs are in the store.
            parent_of: gives commits by id, arrived or stored.

        Raises:
            CorruptObject: a blob isn't of the kind that the commit takes it for, or breaks the rules of its kind, or
                the commit speaks of an edit that neither it nor one that it descends from introduces.
            MissingObject: a blob isn't there.
        """
        for blob_id, kind in named_blobs(commit):
            found = self._kind(blob_id)
            if found != kind:
                raise CorruptObject(
                    f"commit {commit.id[:12]} takes blob {blob_id[:12]} for one of kind '{kind}', it is of kind "
                    f"'{found}'",
                    hint=HINT,
                )
        wanted = {*commit.added, *commit.reverted}
        for memory in commit.memories:
            wanted.update(self._objects.meta(memory.main)[1]["edits"])
        lacking = wanted - self._edits
        if lacking:
            lacking -= self._introduced(commit, parent_of, lacking)
        if lacking:
            raise CorruptObject(
                f"commit {commit.id[:12]} speaks of edit {min(lacking)[:12]}, which no commit introduces", hint=HINT
            )

    def _kind(self, blob_id: str) -> str:
        if blob_id not in self._kinds:
            kind, meta = self._objects.meta(blob_id)
            try:
                check_meta(kind, meta)
                if kind == EDITS:
                    self._edits.update(edit.id for edit in read_records(self._objects.get(blob_id)))
            except CorruptObject as error:
                raise CorruptObject(f"blob {blob_id[:12]} can't be taken: {error.message}", hint=HINT) from error
            self._kinds[blob_id] = kind
        return self._kinds[blob_id]

    def _introduced(self, commit: Commit, parent_of: Callable[[str], Commit], wanted: Collection[str]) -> set[str]:
        """Those of the edits that a commit introduces which this one descends from; found ones are remembered."""
        seen, stack = set(commit.parents), list(commit.parents)
        while stack and not self._edits.issuperset(wanted):
            parent = parent_of(stack.pop())
            if parent.edits is not None:
                self._edits.update(self._objects.meta(parent.edits)[1].get("edits", ()))
            fresh = [each for each in parent.parents if each not in seen]
            seen.update(fresh)
            stack.extend(fresh)
        return self._edits.intersection(wanted)
