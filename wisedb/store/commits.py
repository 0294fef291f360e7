"""The commit: which facts are in force, which memories hold them, who did it, when and why."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

from wisedb.canonical import canonical_json, digest
from wisedb.config import BaseModel, EditorChoice, modern
from wisedb.errors import CorruptObject, FormatTooNew, InputError
from wisedb.store.container import ID

COMMIT_FORMAT: Final = 2
"""The version of a commit's JSON that is written; commits of format 1 are read, and keep their bytes and their ids."""

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|\+00:00)")


@dataclass(frozen=True, slots=True)
class MemoryEntry:
    """One memory of a commit.

    Attributes:
        id: what stays the same from version to version: the blob of its beginning.
        kind: how it changes a forward pass, such as ``masked_delta``; see :mod:`wisedb.memory.kinds`.
        gate: where it does, such as ``keys``; ``None`` in commits of format 1, where its blobs tell.
        editor: who began it, and trains it to its end; ``None`` in commits of format 1, where its beginning tells.
        modules: the modules that it changes, as ``model.get_submodule`` takes them.
        main: the blob that changes from version to version and lists the edits in force.
        blobs: all blobs that it consists of, by role.
    """

    id: str
    kind: str
    gate: str | None
    editor: EditorChoice | None
    modules: tuple[str, ...]
    main: str
    blobs: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return {
            "id": self.id,
            "kind": self.kind,
            "gate": self.gate,
            "editor": None if self.editor is None else self.editor.to_json(),
            "modules": list(self.modules),
            "main": self.main,
            "blobs": dict(self.blobs),
        }

    def to_format_1(self) -> dict[str, Any]:
        """What format 1 says."""
        return {"id": self.id, "kind": _FORMAT_1_KIND, "blobs": dict(self.blobs)}

    @property
    def named(self) -> set[str]:
        """The ids of all blobs that it names, those that its editor rests on among them."""
        shared = () if self.editor is None else self.editor.resources.values()
        return {*self.blobs.values(), *shared}

    def owner(self, origin: Mapping[str, Any]) -> EditorChoice:
        """The editor, the settings and the seed that it was begun with, and is trained with to its end.

        Args:
            origin: the meta of its beginning, where format 1 says it, but for the module, which the commit says.

        Raises:
            CorruptObject: its beginning doesn't say.
        """
        if self.editor is not None:
            return self.editor
        try:
            choice = EditorChoice.from_json(origin["editor"])
        except (KeyError, TypeError) as error:
            raise CorruptObject(
                f"memory {self.id[:12]} doesn't say how it is trained: {error}", hint="Run `wisedb fsck`."
            ) from error
        return choice.at(self.modules[0]) if self.modules else choice

    def gate_by(self, main: Mapping[str, Any]) -> str:
        """The gate that it stands behind.

        Args:
            main: the meta of its main blob. Format 1 has memories with keys and without, and those with keys for whom
                the activation has a say too have a threshold.

        Raises:
            CorruptObject: its main blob doesn't say.
        """
        if self.gate is not None:
            return self.gate
        if "keys" not in self.blobs:
            return "activation"
        try:
            return "both" if float(main["threshold"]) > 0 else "keys"
        except (KeyError, TypeError, ValueError) as error:
            raise CorruptObject(
                f"memory {self.id[:12]} has no threshold: {error}", hint="Run `wisedb fsck`."
            ) from error

    def modern(self, origin: Mapping[str, Any], main: Mapping[str, Any]) -> MemoryEntry:
        """As format 2 has it; see :meth:`owner` and :meth:`gate_by`."""
        return replace(self, gate=self.gate_by(main), editor=self.owner(origin))

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> MemoryEntry:
        """Read what :meth:`to_json` wrote.

        Raises:
            KeyError, TypeError, InputError: a field is missing, unknown or of the wrong type.
        """
        _need(set(record) == set(cls.__dataclass_fields__), "a memory has its fields")
        for name in ("id", "kind", "main"):
            _need(type(record[name]) is str, f"a memory's {name} is a text")
        _need(record["gate"] is None or type(record["gate"]) is str, "a memory's gate is a text")
        editor = None if record["editor"] is None else EditorChoice.from_json(record["editor"])
        modules = _list(record["modules"])
        _need(all(type(module) is str for module in modules), "a memory's modules are texts")
        return cls(record["id"], record["kind"], record["gate"], editor, modules, record["main"], dict(record["blobs"]))

    @classmethod
    def from_format_1(cls, record: Mapping[str, Any], target: str | None) -> MemoryEntry:
        """Read what :meth:`to_format_1` wrote, in a commit whose memories all change ``target``.

        Raises:
            KeyError, TypeError, InputError: a field is missing, unknown or of the wrong type.
        """
        _need(set(record) == {"id", "kind", "blobs"}, "a memory has id, kind and blobs")
        if record["kind"] != _FORMAT_1_KIND:
            raise FormatTooNew(f"a memory is of the kind {record['kind']!r}", hint="Upgrade wisedb.")
        blobs = dict(record["blobs"])
        _need("delta" in blobs, "a shard has a delta")
        modules = () if target is None else (target,)
        return cls(record["id"], "masked_delta", None, None, modules, blobs["delta"], blobs)


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
    format: int = COMMIT_FORMAT

    def __post_init__(self) -> None:
        for name in ("parents", "added", "reverted", "known", "memories"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        _need(all(type(text) is str for text in (self.author, self.date, self.message)), "who, when and why are texts")
        _need(self.author.strip() != "" and "\n" not in self.author, "the author is one line that is not empty")
        _need(is_date(self.date), f"{self.date!r} is not a date as 2026-05-01T12:00:00Z")
        for name in ("parents", "added", "reverted", "known"):
            ids = getattr(self, name)
            _need(_all_ids(ids) and len(set(ids)) == len(ids), f"{name} lists different ids")
        _need(self.edits is None or _all_ids([self.edits]), "edits is the id of a blob")
        _need(set(self.known) <= set(self.added), "known edits are among the added ones")
        _need(len({memory.id for memory in self.memories}) == len(self.memories), "each memory is listed once")
        for memory in self.memories:
            _need(bool(memory.blobs) and _all_ids([memory.id, *memory.named]), "a memory consists of blobs")
            _need(memory.main in memory.blobs.values(), "a memory's main blob is one of its blobs")
        _need(self.merged is None or isinstance(self.merged, Mapping), "merged is a mapping")
        _need(_all_ids(self.editor.resources.values()), "the editor's resources are ids of blobs")
        if self.scores is not None:
            _need(all(_is_number(score) for score in self.scores.values()), "scores are finite numbers")

    @cached_property
    def id(self) -> str:
        """The hash of the commit's canonical JSON: 64 hexadecimal digits."""
        return digest(self.to_bytes())

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
        """All fields, as the commit's format has them."""
        old = self.format == 1
        return {
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

    def to_bytes(self) -> bytes:
        """What is stored: canonical JSON.

        Raises:
            InputError: a value isn't JSON.
        """
        try:
            return canonical_json(self.to_json())
        except (TypeError, ValueError) as error:
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
            _need(type(version) is int, "the format is a number")
            if version > COMMIT_FORMAT:
                raise FormatTooNew(
                    f"a commit has format {version}, this wisedb reads up to {COMMIT_FORMAT}", hint="Upgrade wisedb."
                )
            _need(version >= 1, "the format is 1 or more")
            old = version == 1
            _need(set(record) == set(cls.__dataclass_fields__), "it has the fields of a commit")
            _need(set(record["editor"]) == (_EDITOR_KEYS_1 if old else _EDITOR_KEYS), "the editor has its fields")
            _need(set(record["base"]) in ((_BASE_KEYS_1,) if old else _BASE_KEYS), "the base model has its fields")
            base = BaseModel.from_json(record["base"])
            commit = cls(
                parents=_list(record["parents"]),
                author=record["author"],
                date=record["date"],
                message=record["message"],
                base=base,
                editor=EditorChoice.from_json(record["editor"]),
                edits=record["edits"],
                added=_list(record["added"]),
                reverted=_list(record["reverted"]),
                known=_list(record["known"]),
                memories=tuple(
                    MemoryEntry.from_format_1(entry, base.target) if old else MemoryEntry.from_json(entry)
                    for entry in _list(record["memories"])
                ),
                merged=record["merged"],
                scores=record["scores"],
                format=version,
            )
            _need(commit.base.fingerprint == record["base"]["fingerprint"], "the base model's fingerprint is its own")
        except (KeyError, TypeError, ValueError, AttributeError, InputError) as error:
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
        return cls.from_json(record)


def is_date(text: str) -> bool:
    """Whether ``text`` is a date as commits carry it."""
    if not _DATE.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def utc_now() -> str:
    """The present as commits and reflogs carry it, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


_EDITOR_KEYS: Final = {"name", "settings", "seed", "resources"}
_EDITOR_KEYS_1: Final = {"name", "settings", "seed", "pool"}
_BASE_KEYS_2: Final = {"fingerprint", "model", "revision", "weights", "tokenizer"}
_BASE_KEYS: Final = (_BASE_KEYS_2, {*_BASE_KEYS_2, "gguf_file"})
_BASE_KEYS_1: Final = {*_BASE_KEYS_2, "target"}
_FORMAT_1_KIND: Final = "shard"


def _list(value: Any) -> tuple[Any, ...]:
    _need(isinstance(value, list), "a list is a list")
    return tuple(value)


def _all_ids(values: Iterable[Any]) -> bool:
    return all(type(value) is str and ID.fullmatch(value) for value in values)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _need(condition: bool, rule: str) -> None:
    if not condition:
        raise InputError(f"a commit breaks the rule that {rule}")
