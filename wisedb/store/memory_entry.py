"""A memory as a commit lists it: what it is made of, and who trains it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from wisedb.config import EditorChoice
from wisedb.errors import CorruptObject, FormatTooNew
from wisedb.store.fields import as_list, need

_FORMAT_1_KIND: Final = "shard"


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
        need(set(record) == set(cls.__dataclass_fields__), "a memory has its fields")
        for name in ("id", "kind", "main"):
            need(type(record[name]) is str, f"a memory's {name} is a text")
        need(record["gate"] is None or type(record["gate"]) is str, "a memory's gate is a text")
        editor = None if record["editor"] is None else EditorChoice.from_json(record["editor"])
        modules = as_list(record["modules"])
        need(all(type(module) is str for module in modules), "a memory's modules are texts")
        return cls(record["id"], record["kind"], record["gate"], editor, modules, record["main"], dict(record["blobs"]))

    @classmethod
    def from_format_1(cls, record: Mapping[str, Any], target: str | None) -> MemoryEntry:
        """Read what :meth:`to_format_1` wrote, in a commit whose memories all change ``target``.

        Raises:
            KeyError, TypeError, InputError: a field is missing, unknown or of the wrong type.
        """
        need(set(record) == {"id", "kind", "blobs"}, "a memory has id, kind and blobs")
        if record["kind"] != _FORMAT_1_KIND:
            raise FormatTooNew(f"a memory is of the kind {record['kind']!r}", hint="Upgrade wisedb.")
        blobs = dict(record["blobs"])
        need("delta" in blobs, "a shard has a delta")
        modules = () if target is None else (target,)
        return cls(record["id"], "masked_delta", None, None, modules, blobs["delta"], blobs)
