"""What a report tells of a commit: gathered from the store alone, as plain values. No torch, no model."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from wisedb.edits import Edit
from wisedb.errors import CorruptObject
from wisedb.signing.verdict import UNSIGNED
from wisedb.store import history
from wisedb.store.dates import utc_now
from wisedb.store.refnames import HEAD
from wisedb.store.signed import check_commit, check_tag

if TYPE_CHECKING:
    from wisedb.signing.verdict import Trust
    from wisedb.store.commits import Commit
    from wisedb.store.fsck import FsckReport
    from wisedb.store.store import Store
    from wisedb.versioning.log import LogEntry

FORMAT: Final = 1
"""The version of a report's JSON; it grows where a key is removed or means something else."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A fact that was put out of force.

    Attributes:
        edit: the edit that no longer counts.
        commit: the commit that took it out.
        author: its author.
        date: its date, ISO 8601 in UTC.
        message: why.
        now: the edit that the same commit brought for the same prompt, ``None`` where it was taken out for good.
    """

    edit: Edit
    commit: str
    author: str
    date: str
    message: str
    now: Edit | None

    def to_json(self) -> dict[str, Any]:
        """All fields; ``now`` as its target."""
        return {
            "edit": self.edit.to_json(),
            "commit": self.commit,
            "author": self.author,
            "date": self.date,
            "message": self.message,
            "now": None if self.now is None else self.now.to_json(),
        }


@dataclass(frozen=True, slots=True)
class CommitRow:
    """One commit of the timeline.

    Attributes:
        number: its place, 1 for the oldest that is told.
        commit: its id.
        parents: those of its parents.
        author, date, message: who, when (ISO 8601 in UTC), why.
        added: how many edits it brought into force.
        reverted: how many it put out of force.
        unlearned: how many of those that it wrote were not learned.
        editor: the editor that wrote it, with its settings and its seed.
        made_with: package → version of what made it; empty in commits of earlier versions.
        bytes: what the objects that its first parent hasn't take on disk.
        scores: what was measured of it, by name; under ``commit`` what was measured right after it was written.
        base: the fingerprint of its base model.
        signature: what its signature is worth, as :class:`wisedb.signing.verdict.Verdict` has it.
    """

    number: int
    commit: str
    parents: tuple[str, ...]
    author: str
    date: str
    message: str
    added: int
    reverted: int
    unlearned: int
    editor: Mapping[str, Any]
    made_with: Mapping[str, str]
    bytes: int
    scores: Mapping[str, Any]
    base: str
    signature: Mapping[str, Any] = field(default_factory=UNSIGNED.to_json)

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Answers:
    """What the model says to one fact's prompt, before any edit and at the commit.

    Attributes:
        before: the unedited model's answer to the prompt as it stands.
        after: the answer at the commit.
        chat_before, chat_after: the same to the prompt as a user's message, ``None`` without a chat template.
    """

    before: str
    after: str
    chat_before: str | None = None
    chat_after: str | None = None

    def to_json(self) -> dict[str, str | None]:
        """All fields."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is told.

    Attributes:
        rev: the revision that was asked for.
        commit: its commit's id.
        made: when the report was made, ISO 8601 in UTC.
        base: the base model as the commit records it.
        facts: the facts in force as JSON values, each with ``commit``, ``author`` and ``date`` of what brought it.
        commits: the timeline, oldest first.
        taken: what was put out of force, newest first.
        reflog: the moves of HEAD, newest first.
        integrity: what ``fsck`` found.
        answers: edit id → what the model says; empty where it wasn't asked.
        asked: how many facts the model was asked of, ``None`` where it was not asked at all.
        wisedb: the version that made the report.
        tags: the tags that point at a commit of the timeline, each with ``name``, ``commit``, ``who`` and what its
            signature is worth.
    """

    rev: str
    commit: str
    made: str
    base: Mapping[str, Any]
    facts: Sequence[Mapping[str, Any]]
    commits: tuple[CommitRow, ...]
    taken: tuple[Taken, ...]
    reflog: Sequence[Mapping[str, Any]]
    integrity: FsckReport
    answers: Mapping[str, Answers] = field(default_factory=dict)
    asked: int | None = None
    wisedb: str = "unknown"
    tags: Sequence[Mapping[str, Any]] = ()

    @property
    def signed(self) -> int:
        """How many commits have a signature that counts."""
        return sum(1 for row in self.commits if row.signature["valid"])

    def to_json(self) -> dict[str, Any]:
        """As ``wisedb report --format json`` writes it."""
        return {
            "format": FORMAT,
            "rev": self.rev,
            "commit": self.commit,
            "made": self.made,
            "wisedb": self.wisedb,
            "base": dict(self.base),
            "integrity": self.integrity.to_json(),
            "facts": [{**fact, "answers": self._answers(fact["id"])} for fact in self.facts],
            "commits": [row.to_json() for row in self.commits],
            "taken_out": [taken.to_json() for taken in self.taken],
            "reflog": list(self.reflog),
            "tags": [dict(tag) for tag in self.tags],
            "asked": self.asked,
        }

    def _answers(self, edit_id: str) -> dict[str, str | None] | None:
        found = self.answers.get(edit_id)
        return None if found is None else found.to_json()


def gather(store: Store, rev: str, integrity: FsckReport, trust: Trust) -> Report:
    """Collect what a report of a revision tells, without asking the model.

    Args:
        store: the store.
        rev: the revision.
        integrity: what ``fsck`` found; told as it is.
        trust: whose signatures count.

    Raises:
        UnknownRevision, AmbiguousId: ``rev`` names no commit, or several.
        MissingObject, CorruptObject: the history is damaged.
        SigningFailed: something is signed, and the program that checks isn't there.
    """
    from wisedb.versioning.land import versions
    from wisedb.versioning.log import log

    commit_id = store.resolve(rev)
    entries = log(store, commit_id)[::-1]
    head = store.objects.commit(commit_id)
    return Report(
        rev=rev,
        commit=commit_id,
        made=utc_now(),
        base=head.base.to_json(),
        facts=[json.loads(text) for text in history.facts_as(history.JSON_SINCE, store, commit_id)],
        commits=tuple(_row(store, number, entry, trust) for number, entry in enumerate(entries, 1)),
        taken=_taken(store, entries),
        reflog=_moves(store),
        integrity=integrity,
        wisedb=versions().get("wisedb", "unknown"),
        tags=_tags(store, {entry.commit for entry in entries}, trust),
    )


def _moves(store: Store) -> list[dict[str, Any]]:
    try:
        return [move.to_json() for move in store.refs.reflog(HEAD)]
    except CorruptObject:
        return []  # what is wrong with it `fsck` says, and the history stands without it


def _tags(store: Store, commits: Collection[str], trust: Trust) -> list[dict[str, Any]]:
    return [
        {"name": name, **check_tag(store, name, trust).to_json()}
        for name, commit_id in store.refs.tags().items()
        if commit_id in commits
    ]


def _row(store: Store, number: int, entry: LogEntry, trust: Trust) -> CommitRow:
    record = entry.record
    later = store.scores.get(entry.commit)
    scores = {**({"commit": dict(record.scores)} if record.scores else {}), **later}
    return CommitRow(
        number=number,
        commit=entry.commit,
        parents=record.parents,
        author=record.author,
        date=record.date,
        message=record.message,
        added=len(record.added),
        reverted=len(record.reverted),
        unlearned=len(record.unlearned),
        editor=record.choice.to_json(),
        made_with=dict(record.made_with or {}),
        bytes=_bytes(store, entry.commit, record),
        scores=scores,
        base=record.base.fingerprint,
        signature=check_commit(entry.commit, record, trust).verdict.to_json(),
    )


def _bytes(store: Store, commit_id: str, record: Commit) -> int:
    before = store.objects.commit(record.parents[0]).blobs if record.parents else set()
    return sum(store.objects.size(each) for each in (commit_id, *(record.blobs - before)))


def _taken(store: Store, entries: Sequence[LogEntry]) -> tuple[Taken, ...]:
    wanted = {edit_id for entry in entries for edit_id in (*entry.record.added, *entry.record.reverted)}
    edits = {edit.id: edit for edit in history.edits_of(store, sorted(wanted))}
    # What a merge takes over was put out of force on the merged line already, where that is told.
    told = {edit for entry in entries if len(entry.record.parents) < 2 for edit in entry.record.reverted}
    found = []
    for entry in reversed(entries):
        record = entry.record
        merge = len(record.parents) > 1
        now = {edits[edit_id].key: edits[edit_id] for edit_id in record.added if edit_id in edits}
        for edit_id in record.reverted:
            if edit_id in edits and not (merge and edit_id in told):
                edit = edits[edit_id]
                successor = now.get(edit.key)
                found.append(Taken(edit, entry.commit, record.author, record.date, record.message, successor))
    return tuple(found)
