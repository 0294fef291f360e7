"""Which editor writes, as commits and memories record it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from wisedb.config.base_model import BaseModel
from wisedb.config.records import text_of
from wisedb.errors import UsageError

Setting = bool | int | float | str
"""What a setting's value may be; all of them survive TOML and JSON unchanged."""


def read_setting(text: str) -> tuple[str, Setting]:
    """Read ``key=value``; the value as JSON where it is one (``true``, ``30``, ``1e-3``), else as text.

    Raises:
        UsageError: there is no key or no ``=``.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"'{text}' is not key=value, as in steps=30", hint="Give one, such as steps=30.")
    return key.strip(), _value(value.strip())


def _value(text: str) -> Setting:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float | str) else text


DEFAULT_EDITOR = "keyed"
"""Who writes where nothing else is said."""


POOL = "pool"
"""The resource that every editor shares: unrelated prompts, and prefixes behind which edits are trained."""


@dataclass(frozen=True, slots=True)
class EditorChoice:
    """Which editor writes, with which settings, from which seed. Part of every commit and of every memory.

    Attributes:
        name: the editor's name.
        settings: all of them, so that what a commit means never hangs on a later version's defaults.
        seed: where every random choice of the editor comes from.
        resources: what it rests on beside the base model, by name: ids of blobs that are made once and shared, such as
            ``pool`` (unrelated prompts and prefix contexts, made at ``init``).
    """

    name: str = DEFAULT_EDITOR
    settings: Mapping[str, Setting] = field(default_factory=dict)
    seed: int = 0
    resources: Mapping[str, str] = field(default_factory=dict)

    @property
    def pool(self) -> str | None:
        """The blob with the unrelated prompts, ``None`` where there is none."""
        return self.resources.get(POOL)

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return {
            "name": self.name,
            "settings": dict(self.settings),
            "seed": self.seed,
            "resources": dict(self.resources),
        }

    @property
    def given(self) -> EditorChoice:
        """The same without what was derived on the way: what a memory is begun with, and is told by."""
        return replace(self, resources={POOL: self.pool} if self.pool else {})

    @property
    def target(self) -> str | None:
        """The module that new memories change, where the editor has one."""
        found = self.settings.get("target")
        return str(found) if found else None

    def at(self, target: str) -> EditorChoice:
        """The same, for another module."""
        return replace(self, settings={**self.settings, "target": target})

    def to_format_1(self) -> dict[str, Any]:
        """What format 1 says: one editor, which it calls ``wise``, and one resource."""
        return {"name": "wise", "settings": dict(self.settings), "seed": self.seed, "pool": self.pool}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> EditorChoice:
        """Read what :meth:`to_json` or :meth:`to_format_1` wrote.

        Raises:
            KeyError: a field is missing.
            TypeError: a field has the wrong type.
        """
        seed, settings, name = record["seed"], record["settings"], text_of(record, "name")
        if not isinstance(seed, int) or not isinstance(settings, Mapping):
            raise TypeError("an editor needs a whole number as seed and a table of settings")
        if "resources" in record:
            resources = record["resources"]
            if not isinstance(resources, Mapping) or not all(isinstance(each, str) for each in resources.values()):
                raise TypeError("an editor's resources are ids of blobs")
            return cls(name, dict(settings), seed, dict(resources))
        pool = None if record.get(POOL) is None else text_of(record, POOL)
        return cls(DEFAULT_EDITOR if name == "wise" else name, dict(settings), seed, {POOL: pool} if pool else {})


def modern(base: BaseModel, editor: EditorChoice) -> tuple[BaseModel, EditorChoice]:
    """A base model and an editor as format 2 has them: which module is edited is the editor's to say."""
    if base.target is None:
        return base, editor
    return replace(base, target=None), editor.at(base.target)
