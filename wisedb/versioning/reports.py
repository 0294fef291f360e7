"""What the read-only commands show. No torch here: ``log``, ``status`` and ``blame`` answer at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wisedb.edits import Edit
from wisedb.store import history

if TYPE_CHECKING:
    from wisedb.store.commits import Commit
    from wisedb.store.memory_entry import MemoryEntry
    from wisedb.store.store import Store
from wisedb.store.upstream import Distance, distance
from wisedb.versioning.streams import owner_of


@dataclass(frozen=True, slots=True)
class Status:
    """Where the store is.

    Attributes:
        branch: the branch that HEAD is on, ``None`` when it is on a commit.
        head: the commit, ``None`` before the first.
        staged: the edits that the next commit takes.
        index: the index's health, in one word.
        distance: how far the branch and its upstream are apart, ``None`` where it has none.
    """

    branch: str | None
    head: str | None
    staged: tuple[Edit, ...]
    index: str
    distance: Distance | None = None

    def to_json(self) -> dict[str, Any]:
        """As ``wisedb status --json`` prints it."""
        return {
            "branch": self.branch,
            "head": self.head,
            "staged": [edit.to_json() for edit in self.staged],
            "index": self.index,
            **({} if self.distance is None else self.distance.to_json()),
        }


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of history.

    Attributes:
        commit: its id.
        record: the commit itself.
        scores: what was measured of it, at the commit and later.
    """

    commit: str
    record: Commit
    scores: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """As ``wisedb log --json`` prints it."""
        return {
            "commit": self.commit,
            "parents": list(self.record.parents),
            "author": self.record.author,
            "date": self.record.date,
            "message": self.record.message,
            "edits_added": len(self.record.added),
            "edits_reverted": len(self.record.reverted),
            "scores": dict(self.scores),
        }


@dataclass(frozen=True, slots=True)
class MemoryView:
    """One memory of a commit.

    Attributes:
        id: the memory's id, the same in every commit that has it.
        kind: how it changes a forward pass, such as ``masked_delta``.
        gate: where it does, such as ``keys``.
        editor: the name of the editor that began it.
        modules: the modules that it changes.
        blob: its main blob: this version of it.
        edits: the ids of its edits in force.
        bytes: what its blobs take on disk.
        threshold: the activation above which it answers, ``None`` where the editor routes otherwise.
    """

    id: str
    kind: str
    gate: str
    editor: str
    modules: tuple[str, ...]
    blob: str
    edits: tuple[str, ...]
    bytes: int
    threshold: float | None

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return {
            "id": self.id,
            "kind": self.kind,
            "gate": self.gate,
            "editor": self.editor,
            "modules": list(self.modules),
            "blob": self.blob,
            "edits": list(self.edits),
            "bytes": self.bytes,
            "threshold": self.threshold,
        }


@dataclass(frozen=True, slots=True)
class CommitDetails:
    """Everything about one commit.

    Attributes:
        entry: its line of history.
        edits: the edits that it brought into force.
        memories: the memories of its state.
    """

    entry: LogEntry
    edits: tuple[Edit, ...]
    memories: tuple[MemoryView, ...]

    def to_json(self) -> dict[str, Any]:
        """As ``wisedb show --json`` prints it."""
        record = self.entry.record
        return {
            **self.entry.to_json(),
            "edits": [edit.to_json() for edit in self.edits],
            "reverted": list(record.reverted),
            "known": list(record.known),
            "memories": [memory.to_json() for memory in self.memories],
            "merged": None if record.merged is None else dict(record.merged),
            "config": {**record.editor.to_json(), "pool": record.editor.pool},
            "base": {"target": ", ".join(record.modules) or record.editor.target, **record.base.to_json()},
        }


@dataclass(frozen=True, slots=True)
class BlameResult:
    """Which edit stands behind the answer to a prompt.

    Attributes:
        prompt: the prompt.
        edit: the edit in force for it, ``None`` where there is none.
        commit: the commit that brought it into force.
        author: who committed it.
        date: when.
        candidates: (edit, commit, score) of edits in force that look alike, best first; score 0 to 1.
        was: the edit that was in force for the prompt before that commit, ``None`` where there was none.
        asked: whether it was the model that said which edit answers; else the prompt is the edit's own, or one of its
            rephrases.
    """

    prompt: str
    edit: Edit | None
    commit: str | None
    author: str | None
    date: str | None
    candidates: tuple[tuple[Edit, str, float], ...]
    was: Edit | None = None
    asked: bool = False

    def to_json(self) -> dict[str, Any]:
        """As ``wisedb blame --json`` prints it."""
        return {
            "prompt": self.prompt,
            "edit": None if self.edit is None else self.edit.to_json(),
            "commit": self.commit,
            "author": self.author,
            "date": self.date,
            "reason": None if self.edit is None else self.edit.reason,
            "source": None if self.edit is None else self.edit.source,
            "was": None if self.was is None else self.was.target,
            "ground_truth": None if self.edit is None else self.edit.ground_truth,
            "asked_model": self.asked,
            "candidates": [
                {"edit": edit.to_json(), "commit": commit, "score": score} for edit, commit, score in self.candidates
            ],
        }


@dataclass(frozen=True, slots=True)
class Table:
    """The answer to a query.

    Attributes:
        columns: their names.
        rows: one tuple of JSON values each.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def to_json(self) -> dict[str, Any]:
        """``{"columns", "rows"}``."""
        return {"columns": list(self.columns), "rows": [list(row) for row in self.rows]}


@dataclass(frozen=True, slots=True)
class Reindexed:
    """What the new index holds.

    Attributes:
        commits: how many commits.
        edits: how many edits.
        seconds: how long it took.
    """

    commits: int
    edits: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return {"commits": self.commits, "edits": self.edits, "seconds": self.seconds}


def status(store: Store) -> Status:
    """Where the store is, its index repaired if it must be."""
    head = store.refs.head()
    apart = None if head.branch is None else distance(store, head.branch)
    return Status(head.branch, head.commit, tuple(store.staging.edits()), store.index.ensure(), apart)


def show(store: Store, rev: str) -> CommitDetails:
    """One commit in full.

    Raises:
        UnknownRevision: no such commit.
    """
    commit_id = store.resolve(rev)
    commit = store.objects.commit(commit_id)
    entry = LogEntry(commit_id, commit, {**(commit.scores or {}), **store.scores.get(commit_id)})
    return CommitDetails(
        entry,
        tuple(history.edits_of(store, entry.record.added)),
        tuple(memory_view(store, memory) for memory in entry.record.memories),
    )


def memory_view(store: Store, memory: MemoryEntry) -> MemoryView:
    """What a commit's list of memories shows of one."""
    _, meta = store.objects.meta(memory.main)
    return MemoryView(
        memory.id,
        memory.kind,
        memory.gate_by(meta),
        owner_of(store, memory).name,
        memory.modules,
        memory.main,
        tuple(meta.get("edits", ())),
        sum(store.objects.size(blob) for blob in memory.blobs.values()),
        # Where keys alone decide, ΔW was never asked to tell prompts apart.
        meta.get("threshold") or None,
    )


def blame(store: Store, prompt: str, at: str = "HEAD") -> BlameResult:
    """Which edit stands behind the answer to ``prompt`` at ``at``, and which look alike."""
    found = history.blame(store, prompt, at)
    record = None if found.commit is None else store.objects.commit(found.commit)
    return BlameResult(
        prompt,
        found.edit,
        found.commit,
        None if record is None else record.author,
        None if record is None else record.date,
        tuple((edit, commit, score) for edit, commit, score in found.candidates),
        None if record is None or found.edit is None else _was(store, record, found.edit),
    )


def blame_edit(store: Store, prompt: str, edit_id: str, at: str = "HEAD") -> BlameResult:
    """The same where the model has said which edit answers ``prompt``; the others look like the prompt."""
    alike = blame(store, prompt, at)
    found = blame(store, history.edit(store, edit_id).prompt, at)
    others = tuple(each for each in alike.candidates if found.edit is None or each[0].id != found.edit.id)
    return replace(found, prompt=prompt, candidates=others, asked=True)


def _was(store: Store, record: Commit, edit: Edit) -> Edit | None:
    """The edit of the same prompt that a commit put out of force."""
    return next((other for other in history.edits_of(store, record.reverted) if other.key == edit.key), None)


def sql(store: Store, query: str) -> Table:
    """Run a read-only query over the index.

    Raises:
        IndexUnusable: the index can't answer.
        UsageError: the query is wrong.
    """
    columns, rows = history.sql(store, query)
    return Table(tuple(columns), tuple(tuple(row) for row in rows))


def reindex(store: Store) -> Reindexed:
    """Make the index anew from the objects.

    Raises:
        StoreBusy: another process is at it.
    """
    made = store.index.rebuild()
    return Reindexed(int(made["commits"]), int(made["edits"]), float(made["seconds"]))
