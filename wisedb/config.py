"""What a store is configured with: base model, editor, remotes; and its TOML form."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import tomli_w

from wisedb.errors import CorruptObject, FormatTooNew

FORMAT = 1
"""The version of the store's layout. A store with a larger one is refused, never guessed at."""

Setting = bool | int | float | str
"""What a setting's value may be; all of them survive TOML and JSON unchanged."""


@dataclass(frozen=True, slots=True)
class BaseModel:
    """The untouched model that a store's edits are made for.

    Attributes:
        model: a Hub id, an absolute folder, or ``atlas``.
        revision: the Hub commit, ``None`` for a folder.
        weights: SHA-256 over names, dtypes, shapes and values of all tensors of the checkpoint.
        tokenizer: SHA-256 over the tokenizer's files.
        target: the module whose weight is edited, as ``model.get_submodule`` takes it.
    """

    model: str
    revision: str | None
    weights: str
    tokenizer: str
    target: str

    @property
    def fingerprint(self) -> str:
        """Weights and tokenizer in one word: ``<weights>-<tokenizer>``, 16 hexadecimal digits each."""
        return f"{self.weights[:16]}-{self.tokenizer[:16]}"

    def to_json(self) -> dict[str, Any]:
        """All fields and the fingerprint."""
        return {
            "model": self.model,
            "revision": self.revision,
            "fingerprint": self.fingerprint,
            "weights": self.weights,
            "tokenizer": self.tokenizer,
            "target": self.target,
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> BaseModel:
        """Read what :meth:`to_json` wrote.

        Raises:
            KeyError: a field is missing.
            TypeError: a field is not a text.
        """
        model, weights, tokenizer, target = (
            _text(record, name) for name in ("model", "weights", "tokenizer", "target")
        )
        revision = None if record.get("revision") is None else _text(record, "revision")
        return cls(model, revision, weights, tokenizer, target)


@dataclass(frozen=True, slots=True)
class EditorChoice:
    """Which editor writes, with which settings, from which seed. Part of every commit.

    Attributes:
        name: the editor's name, ``wise`` by default.
        settings: all of them, so that what a commit means never hangs on a later version's defaults.
        seed: where every random choice of the editor comes from.
        pool: id of the blob with the unrelated prompts and the prefix contexts, made once at ``init``.
    """

    name: str = "wise"
    settings: Mapping[str, Setting] = field(default_factory=dict)
    seed: int = 0
    pool: str | None = None

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return {"name": self.name, "settings": dict(self.settings), "seed": self.seed, "pool": self.pool}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> EditorChoice:
        """Read what :meth:`to_json` wrote.

        Raises:
            KeyError: a field is missing.
            TypeError: a field has the wrong type.
        """
        seed, settings = record["seed"], record["settings"]
        if not isinstance(seed, int) or not isinstance(settings, Mapping):
            raise TypeError("an editor needs a whole number as seed and a table of settings")
        pool = None if record.get("pool") is None else _text(record, "pool")
        return cls(_text(record, "name"), dict(settings), seed, pool)


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """``.wisedb/config.toml``.

    Attributes:
        base: the base model.
        editor: the defaults for the next commits.
        remotes: name → URL.
        promised: the remote that a lazy clone fetches the blobs of old memories from when they are needed.
    """

    base: BaseModel
    editor: EditorChoice = field(default_factory=EditorChoice)
    remotes: Mapping[str, str] = field(default_factory=dict)
    promised: str | None = None

    def to_toml(self) -> bytes:
        """The file's bytes."""
        document: dict[str, Any] = {
            "format": FORMAT,
            "base": _without_none(self.base.to_json()),
            "editor": _without_none(self.editor.to_json()),
            "remotes": dict(self.remotes),
        }
        if self.promised is not None:
            document["promised"] = {"remote": self.promised}
        return tomli_w.dumps(document).encode()

    @classmethod
    def from_toml(cls, data: bytes, name: str = "config.toml") -> StoreConfig:
        """Read what :meth:`to_toml` wrote.

        Raises:
            FormatTooNew: a newer wisedb wrote it.
            CorruptObject: it is not TOML or lacks what it must have.
        """
        try:
            document = tomllib.loads(data.decode())
            version = document["format"]
            if version > FORMAT:
                raise FormatTooNew(
                    f"{name} has format {version}, this wisedb reads up to {FORMAT}", hint="Upgrade wisedb."
                )
            return cls(
                BaseModel.from_json(document["base"]),
                EditorChoice.from_json({"settings": {}, **document["editor"]}),
                {name: _text(document["remotes"], name) for name in document.get("remotes", {})},
                _text(document["promised"], "remote") if "promised" in document else None,
            )
        except (UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
            raise CorruptObject(
                f"{name} can't be read: {error}", hint="Restore the file from a backup, or clone the store again."
            ) from error


def _text(record: Mapping[str, Any], name: str) -> str:
    if not isinstance(record, Mapping) or not isinstance(record[name], str):
        raise TypeError(f"'{name}' must be a text")
    return str(record[name])


def _without_none(record: Mapping[str, Any]) -> dict[str, Any]:
    # TOML has no null: what is None is left out and read back as None.
    return {name: value for name, value in record.items() if value is not None}
