"""The commit: which facts are in force, which memories hold them, who did it, when and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

from wisedb.canonical import canonical_json, digest
from wisedb.config import BaseModel, EditorChoice, modern
from wisedb.errors import CorruptObject, FormatTooNew, InputError
from wisedb.store.dates import is_date
from wisedb.store.fields import all_ids, as_list, is_merge, is_number, is_utf8, need
from wisedb.store.memory_entry import MemoryEntry

COMMIT_FORMAT: Final = 2
"""The version of a commit's JSON that is written; commits of format 1 are read, and keep their bytes and their ids."""

_OPTIONAL: Final = frozenset({"unlearned", "again", "made_with", "probe"})
# It stands within `made_with`, where readers that know nothing of it take any text: a field of its own they refuse.
_SIGNATURE: Final = "signature"
_EDITOR_KEYS: Final = {"name", "settings", "seed", "resources"}
_EDITOR_KEYS_1: Final = {"name", "settings", "seed", "pool"}
_BASE_KEYS_2: Final = {"fingerprint", "model", "revision", "weights", "tokenizer"}
_BASE_KEYS: Final = (_BASE_KEYS_2, {*_BASE_KEYS_2, "gguf_file"}, {*_BASE_KEYS_2, "function"})
_SPELT: Final = b"\\u"
_BASE_KEYS_1: Final = {*_BASE_KEYS_2, "target"}


@dataclass(frozen=True)
class Commit:
    """One state and how it came about.

    Attributes:
        parents: commit ids; none for the first commit, two for a merge. The first is the line that was continued.
        author: who, as ``Name <address>`` or any other one line.
        date: when, ISO 8601 in UTC (``2026-05-01T12:00:00Z``, with up to six digits of a second's fraction).
        message: why.
        edits: the blob with the records that this commit introduced, ``None`` where it introduced none.
        added: ids of the edits in force here and not at the first parent.
        reverted: ids of the edits in force at the first parent and not here.
        known: those of ``added`` whose target the model gave already.
        memories: the memories that make up the state, oldest first. Always-on ones add up; of the gated ones, one at a
            time answers on top of them. A memory is a function of the base model, of the always-on memories before it
            in this list, and of the edits that it was trained on.
        merged: how the memories are merged (``{"threshold", "density", …}``), ``None`` where there is no memory.
        editor: the editor, its settings and its seed.
        base: the base model.
        scores: what was measured right after the edit, ``None`` where nothing was.
        unlearned: ids of the edits written here that were not learned.
        again: ids of the edits that were in force before and are written anew here.
        made_with: package → version of what made the commit, ``None`` where an earlier version made it.
        probe: what the model answered to a few prompts at this commit, as :mod:`wisedb.serving.probe` has it.
        signature: an armoured SSH or OpenPGP signature over :attr:`unsigned`, ``None`` where nobody signed.
        format: the version of its JSON.

    Raises:
        InputError: a field is not what is said here.
    """

    parents: tuple[str, ...]
    author: str
    date: str
    message: str
    base: BaseModel
    editor: EditorChoice = field(default_factory=EditorChoice)
    edits: str | None = None
    added: tuple[str, ...] = ()
    reverted: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    memories: tuple[MemoryEntry, ...] = ()
    merged: Mapping[str, Any] | None = None
    scores: Mapping[str, float] | None = None
    unlearned: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    made_with: Mapping[str, str] | None = None
    probe: Mapping[str, Any] | None = None
    signature: str | None = None
    format: int = COMMIT_FORMAT

    def __post_init__(self) -> None:
        for name in ("parents", "added", "reverted", "known", "memories", "unlearned", "again"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        need(all(type(text) is str for text in (self.author, self.date, self.message)), "who, when and why are texts")
        need(is_utf8(self.author) and is_utf8(self.message), "author and message are UTF-8")
        need(self.author.strip() != "" and "\n" not in self.author, "the author is one line that is not empty")
        need(is_date(self.date), f"{self.date!r} is not a date as 2026-05-01T12:00:00Z")
        for name in ("parents", "added", "reverted", "known", "unlearned", "again"):
            ids = getattr(self, name)
            need(all_ids(ids) and len(set(ids)) == len(ids), f"{name} lists different ids")
        need(self.edits is None or all_ids([self.edits]), "edits is the id of a blob")
        need(set(self.known) <= set(self.added), "known edits are among the added ones")
        need(not set(self.again) & set(self.added), "what is written again was in force before")
        need(set(self.unlearned) <= {*self.added, *self.again}, "unlearned edits are among those written")
        need(len({memory.id for memory in self.memories}) == len(self.memories), "each memory is listed once")
        for memory in self.memories:
            need(bool(memory.blobs) and all_ids([memory.id, *memory.named]), "a memory consists of blobs")
            need(memory.main in memory.blobs.values(), "a memory's main blob is one of its blobs")
        need(self.merged is None or is_merge(self.merged), "merged says by which density and threshold")
        need(all_ids(self.editor.resources.values()), "the editor's resources are ids of blobs")
        if self.scores is not None:
            need(all(is_number(score) for score in self.scores.values()), "scores are finite numbers")
        if self.made_with is not None:
            need(all(type(version) is str for version in self.made_with.values()), "versions are texts")
            need(_SIGNATURE not in self.made_with, "a signature is no version")
        need(self.signature is None or bool(self.made_with), "what is signed says what made it")
        need(self.probe is None or isinstance(self.probe, Mapping), "a probe is a mapping")

    @cached_property
    def id(self) -> str:
        """The hash of the commit's canonical JSON: 64 hexadecimal digits."""
        return digest(self.to_bytes())

    @property
    def unsigned(self) -> bytes:
        """What a signature is over: the commit's bytes as they would be without it."""
        return replace(self, signature=None).to_bytes()

    @cached_property
    def when(self) -> datetime:
        """The date, to compare with others."""
        return datetime.fromisoformat(self.date).astimezone(UTC)

    @property
    def choice(self) -> EditorChoice:
        """The editor as format 2 has it: the module, which format 1 says beside the base model, among its settings."""
        return modern(self.base, self.editor)[1]

    @property
    def trained_on_locality(self) -> bool:
        """Whether its editor trained on the edits' own locality prompts, as only that of format 1 could."""
        return self.format == 1 and self.editor.settings.get("irrelevant_source") == "edits"

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules that the state's memories change."""
        return tuple(dict.fromkeys(module for memory in self.memories for module in memory.modules))

    @property
    def blobs(self) -> set[str]:
        """The ids of all blobs that the commit names; masks and references of deltas are found through these."""
        named = {blob for memory in self.memories for blob in memory.named}
        return named | set(self.editor.resources.values()) | ({self.edits} if self.edits is not None else set())

    def to_json(self) -> dict[str, Any]:
        """All fields, as the commit's format has them; of the optional ones those that say something."""
        old = self.format == 1
        signature = {} if self.signature is None else {_SIGNATURE: self.signature}
        optional = {
            "unlearned": list(self.unlearned) or None,
            "again": list(self.again) or None,
            "made_with": None if self.made_with is None else {**self.made_with, **signature},
            "probe": None if self.probe is None else dict(self.probe),
        }
        record = {
            "format": self.format,
            "parents": list(self.parents),
            "author": self.author,
            "date": self.date,
            "message": self.message,
            "edits": self.edits,
            "added": list(self.added),
            "reverted": list(self.reverted),
            "known": list(self.known),
            "memories": [memory.to_format_1() if old else memory.to_json() for memory in self.memories],
            "merged": None if self.merged is None else dict(self.merged),
            "editor": self.editor.to_format_1() if old else self.editor.to_json(),
            "base": self.base.to_json(),
            "scores": None if self.scores is None else dict(self.scores),
        }
        return record | {name: value for name, value in optional.items() if value is not None}

    def to_bytes(self) -> bytes:
        """What is stored: canonical JSON.

        Raises:
            InputError: a value isn't JSON.
        """
        try:
            return canonical_json(self.to_json())
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(f"the commit can't be written: {error}") from error

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Commit:
        """Read what :meth:`to_json` wrote, and check its structure.

        Raises:
            CorruptObject: a field is missing, unknown or of the wrong type.
            FormatTooNew: a newer wisedb wrote it.
        """
        try:
            version = record["format"]
            need(type(version) is int, "the format is a number")
            if version > COMMIT_FORMAT:
                raise FormatTooNew(
                    f"a commit has format {version}, this wisedb reads up to {COMMIT_FORMAT}", hint="Upgrade wisedb."
                )
            need(version >= 1, "the format is 1 or more")
            old = version == 1
            optional = set() if old else _OPTIONAL & set(record)
            fields = set(cls.__dataclass_fields__) - _OPTIONAL - {_SIGNATURE}
            need(set(record) - optional == fields, "it has the fields of a commit")
            need(set(record["editor"]) == (_EDITOR_KEYS_1 if old else _EDITOR_KEYS), "the editor has its fields")
            need(set(record["base"]) in ((_BASE_KEYS_1,) if old else _BASE_KEYS), "the base model has its fields")
            base = BaseModel.from_json(record["base"])
            made_with = record.get("made_with")
            signature = made_with.get(_SIGNATURE) if made_with is not None else None
            need(signature is None or type(signature) is str, "a signature is a text")
            commit = cls(
                parents=as_list(record["parents"]),
                author=record["author"],
                date=record["date"],
                message=record["message"],
                base=base,
                editor=EditorChoice.from_json(record["editor"]),
                edits=record["edits"],
                added=as_list(record["added"]),
                reverted=as_list(record["reverted"]),
                known=as_list(record["known"]),
                memories=tuple(
                    MemoryEntry.from_format_1(entry, base.target) if old else MemoryEntry.from_json(entry)
                    for entry in as_list(record["memories"])
                ),
                merged=record["merged"],
                scores=record["scores"],
                unlearned=as_list(record.get("unlearned", [])),
                again=as_list(record.get("again", [])),
                made_with=_without_signature(made_with),
                probe=record.get("probe"),
                signature=signature,
                format=version,
            )
            need(commit.base.fingerprint == record["base"]["fingerprint"], "the base model's fingerprint is its own")
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError, InputError) as error:
            raise CorruptObject(f"a commit is not one: {error}", hint="Run `wisedb fsck`.") from error
        return commit

    @classmethod
    def from_bytes(cls, data: bytes) -> Commit:
        """Read what :meth:`to_bytes` wrote.

        Raises:
            CorruptObject: it is not JSON, or not a commit.
            FormatTooNew: a newer wisedb wrote it.
        """
        try:
            record = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise CorruptObject(f"a commit is not JSON: {error}", hint="Run `wisedb fsck`.") from error
        if not isinstance(record, dict):
            raise CorruptObject("a commit is not a JSON object", hint="Run `wisedb fsck`.")
        commit = cls.from_json(record)
        if _SPELT in data:
            # Canonical JSON spells next to nothing this way; half a letter can be spelt in no other.
            try:
                commit.to_bytes()
            except InputError as error:
                raise CorruptObject(f"a commit is not one: {error.message}", hint="Run `wisedb fsck`.") from error
        return commit


def _without_signature(made_with: Mapping[str, str] | None) -> dict[str, str] | None:
    if made_with is None:
        return None
    return {name: version for name, version in made_with.items() if name != _SIGNATURE}
