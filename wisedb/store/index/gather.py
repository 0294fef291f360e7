"""From objects to rows: what the index says about some commits, read out of the store."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from wisedb.edits import Edit, normalise_prompt
from wisedb.errors import CorruptObject, InputError
from wisedb.store.blobs import Blob
from wisedb.store.commits import Commit
from wisedb.store.objects import Objects

Lookup = Callable[[str, Collection[str]], dict[str, int]]
"""(table, ids) → the numbers of those of them that are in the index already; of ``generations``, those of commits."""

_WORD: Final = re.compile(r"\w+|[^\w\s]+")
_KEPT: Final = 256


@dataclass(slots=True)
class Rows:
    """Rows to be added, by table; the columns are those of the schema, in its order."""

    commits: list[tuple[Any, ...]] = field(default_factory=list)
    edits: list[tuple[Any, ...]] = field(default_factory=list)
    changes: list[tuple[Any, ...]] = field(default_factory=list)
    memories: list[tuple[Any, ...]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Missing:
    """The commits that the index lacks, parents before children."""

    ids: Sequence[str]
    kept: Mapping[str, Commit]

    def chunks(self, objects: Objects, size: int) -> Iterator[list[tuple[str, Commit]]]:
        """The commits in groups of ``size``; of a long history most are read again here, to bound the memory."""
        for start in range(0, len(self.ids), size):
            yield [
                (commit_id, self.kept.get(commit_id) or objects.commit(commit_id))
                for commit_id in self.ids[start : start + size]
            ]


def missing(objects: Objects, roots: Iterable[str], known: Collection[str], limit: int | None = None) -> Missing | None:
    """Find what can be reached from ``roots`` and isn't ``known``.

    Args:
        objects: where commits are read.
        roots: commit ids.
        known: the ids of commits that are in the index; with a commit, all of its ancestors are.
        limit: give up when there are more.

    Returns:
        The commits, or ``None`` if there are more than ``limit``.

    Raises:
        MissingObject, CorruptObject: a commit can't be read.
    """
    order: list[str] = []
    kept: dict[str, Commit] = {}
    parents: dict[str, tuple[str, ...]] = {}
    for root in sorted(roots):
        stack = [root]
        while stack:
            commit_id = stack[-1]
            if commit_id in known or parents.get(commit_id) == ():
                stack.pop()
            elif commit_id not in parents:
                commit = objects.commit(commit_id)
                if len(kept) < _KEPT:
                    kept[commit_id] = commit
                parents[commit_id] = commit.parents or ("",)
                if limit is not None and len(parents) > limit:
                    return None
                stack.extend(parent for parent in commit.parents if parent not in known and parent not in parents)
            else:
                # All that it descends from is listed by now; () marks it as listed too.
                order.append(commit_id)
                parents[commit_id] = ()
                stack.pop()
    return Missing(order, kept)


def gather(objects: Objects, commits: Sequence[tuple[str, Commit]], lookup: Lookup, counts: Mapping[str, int]) -> Rows:
    """Make the rows of some commits.

    Args:
        objects: where blobs are read.
        commits: the commits, parents before children.
        lookup: the numbers that are given already.
        counts: the first free number by table.

    Raises:
        MissingObject, CorruptObject: a blob can't be read, or isn't what its commit says.
    """
    rows = Rows()
    records = {
        commit_id: [] if commit.edits is None else records_in(commit.edits, objects.get(commit.edits))
        for commit_id, commit in commits
    }
    mains = {memory.main: memory for _, commit in commits for memory in commit.memories}
    known_memories = lookup("memories", mains)
    metas = {blob: _meta(objects, blob) for blob in mains if blob not in known_memories}
    edit_numbers = _Numbers(
        lookup(
            "edits",
            {edit.id for edits in records.values() for edit in edits}
            | {edit for _, commit in commits for edit in (*commit.added, *commit.reverted)}
            | {edit for meta in metas.values() for edit in meta["edits"]},
        ),
        counts["edits"],
    )
    for edits in records.values():
        for edit in edits:
            if edit.id not in edit_numbers:
                rows.edits.append(_edit_row(edit_numbers.give(edit.id), edit))
    memory_numbers = _Numbers(known_memories, counts["memories"])
    for blob, meta in metas.items():
        threshold = meta.get("threshold")
        numbers = [edit_numbers.find(edit, f"memory {blob[:12]}") for edit in meta["edits"]]
        rows.memories.append(
            (
                memory_numbers.give(blob),
                blob,
                mains[blob].id,
                mains[blob].kind,
                float(threshold) if isinstance(threshold, int | float) else None,
                objects.size(blob),
                numbers,
            )
        )
    parents = lookup("commits", {parent for _, commit in commits for parent in commit.parents})
    commit_numbers = _Numbers(parents, counts["commits"])
    generations = lookup("generations", parents)
    for commit_id, commit in commits:
        number = commit_numbers.give(commit_id)
        generations[commit_id] = 1 + max((generations[parent] for parent in commit.parents), default=0)
        above = [commit_numbers.find(parent, f"commit {commit_id[:12]}") for parent in commit.parents]
        rows.commits.append(
            (
                number,
                commit_id,
                list(commit.parents),
                above[0] if above else None,
                above[1:],
                generations[commit_id],
                commit.author,
                commit.date,
                commit.message,
                commit.editor.name,
                str(commit.editor.seed),
                len(commit.added),
                len(commit.reverted),
                [memory_numbers.find(memory.main, f"commit {commit_id[:12]}") for memory in commit.memories],
                None if commit.scores is None else json.dumps(dict(commit.scores), sort_keys=True),
            )
        )
        added = set(commit.added)
        idle = [edit.id for edit in records[commit_id] if edit.id not in added]
        for action, ids in (("added", commit.added), ("reverted", commit.reverted), ("recorded", idle)):
            for position, edit_id in enumerate(ids):
                found = edit_numbers.find(edit_id, f"commit {commit_id[:12]}")
                rows.changes.append((number, position, found, action))
    return rows


def words(text: str) -> list[str]:
    """The words of a text, normalised as prompts are; punctuation counts as words of its own."""
    return _WORD.findall(normalise_prompt(text))


def _edit_row(number: int, edit: Edit) -> tuple[Any, ...]:
    texts = (edit.prompt, *edit.rephrases, edit.subject or "")
    distinct = sorted({word for text in texts for word in words(text)})
    return (
        number,
        edit.id,
        edit.prompt,
        edit.target,
        edit.subject,
        edit.ground_truth,
        list(edit.rephrases),
        [item.prompt for item in edit.locality],
        [item.answer for item in edit.locality],
        edit.source,
        edit.reason,
        list(edit.tags),
        [message.role for message in edit.messages],
        [message.content for message in edit.messages],
        [item.prompt for item in edit.portability],
        [item.answer for item in edit.portability],
        edit.key,
        f" {' '.join(distinct)} ",
    )


def records_in(blob_id: str, blob: Blob) -> list[Edit]:
    """The edits that a blob of the kind ``edits`` holds.

    Raises:
        CorruptObject: it holds none.
    """
    try:
        return [Edit.from_json(record) for record in json.loads(blob.arrays["records"].data)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InputError) as error:
        raise CorruptObject(f"blob {blob_id[:12]} holds no edits: {error}", hint="Run `wisedb fsck`.") from error


def _meta(objects: Objects, blob: str) -> Mapping[str, Any]:
    _, meta = objects.meta(blob)
    edits = meta.get("edits")
    if not isinstance(edits, list) or not all(isinstance(edit, str) for edit in edits):
        raise CorruptObject(f"memory {blob[:12]} doesn't list its edits", hint="Run `wisedb fsck`.")
    return meta


class _Numbers:
    """Numbers given to ids, the known ones first."""

    def __init__(self, known: dict[str, int], free: int) -> None:
        self._known = known
        self._free = free

    def __contains__(self, item: str) -> bool:
        return item in self._known

    def give(self, item: str) -> int:
        number = self._known.setdefault(item, self._free)
        self._free += number == self._free
        return number

    def find(self, item: str, where: str) -> int:
        if item not in self._known:
            raise CorruptObject(f"{where} speaks of {item[:12]}, which no commit introduces", hint="Run `wisedb fsck`.")
        return self._known[item]
