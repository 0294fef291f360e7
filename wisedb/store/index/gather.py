"""From objects to rows: what the index says about some commits, read out of the store."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from wisedb.edits import Edit, normalise_prompt
from wisedb.errors import CorruptObject, StoreError
from wisedb.store.blobs import Blob
from wisedb.store.commits import Commit
from wisedb.store.contents import are_ids, read_records
from wisedb.store.fields import is_number
from wisedb.store.index.left_out import Fault, LeftOut
from wisedb.store.objects import Objects

Lookup = Callable[[str, Collection[str]], dict[str, int]]
"""(table, ids) → the numbers of those of them that are in the index already; of ``generations``, those of commits."""

_WORD: Final = re.compile(r"\w+|[^\w\s]+")


@dataclass(slots=True)
class Rows:
    """Rows to be added, by table; the columns are those of the schema, in its order."""

    commits: list[tuple[Any, ...]] = field(default_factory=list)
    edits: list[tuple[Any, ...]] = field(default_factory=list)
    changes: list[tuple[Any, ...]] = field(default_factory=list)
    memories: list[tuple[Any, ...]] = field(default_factory=list)


@dataclass(slots=True)
class _Contents:
    """What the blobs of some commits hold: the records that each commit introduces, and the metas of versions."""

    records: dict[str, list[Edit]] = field(default_factory=dict)
    metas: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    known: dict[str, int] = field(default_factory=dict)

    def read(self, objects: Objects, commit_id: str, commit: Commit) -> None:
        """Read those of a commit, all of them or none.

        Raises:
            StoreError: one of them can't be read.
        """
        records = [] if commit.edits is None else records_in(commit.edits, objects.get(commit.edits))
        fresh = [
            memory.main for memory in commit.memories if memory.main not in self.known and memory.main not in self.metas
        ]
        metas = {blob: _meta(objects, blob) for blob in fresh}
        self.sizes |= {blob: objects.size(blob) for blob in fresh}
        self.metas |= metas
        self.records[commit_id] = records

    def mentioned(self, commit: Commit) -> set[str]:
        """The edits that a commit speaks of."""
        listed = (self.metas[memory.main]["edits"] for memory in commit.memories if memory.main in self.metas)
        return {*commit.added, *commit.reverted, *(edit for edits in listed for edit in edits)}


def gather(
    objects: Objects,
    commits: Sequence[tuple[str, Commit]],
    lookup: Lookup,
    counts: Mapping[str, int],
    left_out: LeftOut,
) -> Rows:
    """Make the rows of some commits.

    Args:
        objects: where blobs are read.
        commits: the commits, parents before children.
        lookup: the numbers that are given already.
        counts: the first free number by table.
        left_out: takes the commits whose blobs can't be read, or that speak of edits which no commit introduces, and
            those that descend from one that is left out: they get no rows.
    """
    rows = Rows()
    asked = commits
    contents = _Contents(known=lookup("memories", {memory.main for _, commit in commits for memory in commit.memories}))
    for commit_id, commit in commits:
        if not left_out.inherit(commit_id, commit.parents):
            try:
                contents.read(objects, commit_id, commit)
            except StoreError as error:
                left_out.faults[commit_id] = Fault(commit_id, error)
    commits = [(commit_id, commit) for commit_id, commit in commits if commit_id not in left_out.faults]
    given = lookup(
        "edits",
        {edit.id for edits in contents.records.values() for edit in edits}.union(
            *(contents.mentioned(commit) for _, commit in commits)
        ),
    )
    commits = _sound(commits, contents, given, left_out)
    left_out.border({commit_id: commit.parents for commit_id, commit in asked})
    records = {commit_id: contents.records[commit_id] for commit_id, _ in commits}
    mains = {memory.main: memory for _, commit in commits for memory in commit.memories}
    metas = {blob: contents.metas[blob] for blob in mains if blob in contents.metas}
    edit_numbers = _Numbers(given, counts["edits"])
    for edits in records.values():
        for edit in edits:
            if edit.id not in edit_numbers:
                rows.edits.append(_edit_row(edit_numbers.give(edit.id), edit))
    memory_numbers = _Numbers(contents.known, counts["memories"])
    for blob, meta in metas.items():
        threshold = meta.get("threshold")
        numbers = [edit_numbers.find(edit, f"memory {blob[:12]}") for edit in meta["edits"]]
        rows.memories.append(
            (
                memory_numbers.give(blob),
                blob,
                mains[blob].id,
                mains[blob].kind,
                float(threshold) if is_number(threshold) else None,
                contents.sizes[blob],
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
        return read_records(blob)
    except CorruptObject as error:
        raise CorruptObject(f"blob {blob_id[:12]}: {error.message}", hint="Run `wisedb fsck`.") from error


def _meta(objects: Objects, blob: str) -> Mapping[str, Any]:
    _, meta = objects.meta(blob)
    if not are_ids(meta.get("edits")):
        raise CorruptObject(f"memory {blob[:12]} doesn't list its edits", hint="Run `wisedb fsck`.")
    return meta


def _sound(
    commits: Sequence[tuple[str, Commit]], contents: _Contents, given: Collection[str], left_out: LeftOut
) -> list[tuple[str, Commit]]:
    """Those of the commits all of whose edits some commit introduces; until no more are left out because of others."""
    kept = list(commits)
    while True:
        there = {*given, *(edit.id for commit_id, _ in kept for edit in contents.records[commit_id])}
        for commit_id, commit in kept:
            unknown = contents.mentioned(commit) - there
            if not left_out.inherit(commit_id, commit.parents) and unknown:
                what = f"commit {commit_id[:12]} speaks of {min(unknown)[:12]}, which no commit introduces"
                left_out.faults[commit_id] = Fault(commit_id, CorruptObject(what, hint="Run `wisedb fsck`."))
        rest = [(commit_id, commit) for commit_id, commit in kept if commit_id not in left_out.faults]
        if len(rest) == len(kept):
            return kept
        kept = rest


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
