"""What a store is configured with: base model, editor, remotes; and its TOML form."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

import tomli_w

from wisedb.canonical import canonical_json, digest
from wisedb.errors import CorruptObject, FormatTooNew
from wisedb.preferences import Preference, flatten, nest

FORMAT = 2
"""The version of the store's layout. A store with a larger one is refused, never guessed at."""

Setting = bool | int | float | str
"""What a setting's value may be; all of them survive TOML and JSON unchanged."""


DEFAULT_EDITOR = "keyed"
"""Who writes where nothing else is said."""

POOL = "pool"
"""The resource that every editor shares: unrelated prompts, and prefixes behind which edits are trained."""


@dataclass(frozen=True, slots=True)
class Function:
    """What a base model computes beside its weights; made by :func:`wisedb.model.identity.function_of`.

    Attributes:
        files: SHA-256 over the files of configuration and tokenizer, by which a model that is the same to the byte is
            known again.
        config: fields of the configuration that change the function and are not the architecture's defaults, flat:
            ``rope_parameters.rope_theta``.
        tokenizer: part of the tokenizer (``vocabulary``, ``merges``, ``normalizer`` …) → the first 16 hexadecimal
            digits of its SHA-256.
        code: SHA-256 over the Python files that are run, ``None`` where none are.
        rest: what changes no function and is told all the same where it differs: the chat template's hash, the settings
            for generation.
    """

    files: str
    config: Mapping[str, Any]
    tokenizer: Mapping[str, str]
    code: str | None = None
    rest: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tokenizer_digest(self) -> str:
        """SHA-256 over the tokenizer's parts."""
        return digest(canonical_json(dict(self.tokenizer)))

    @property
    def config_digest(self) -> str:
        """SHA-256 over configuration and code."""
        return digest(canonical_json([dict(self.config), self.code]))

    def to_json(self) -> dict[str, Any]:
        """All fields; ``code`` only where there is some."""
        record = {"files": self.files, "config": dict(self.config), "tokenizer": dict(self.tokenizer)}
        return record | _without_none({"code": self.code}) | {"rest": dict(self.rest)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Function:
        """Read what :meth:`to_json` wrote.

        Raises:
            KeyError: a field is missing.
            TypeError: a field has the wrong type.
        """
        code = _text(record, "code") if "code" in record else None
        config, tokenizer, rest = record["config"], record["tokenizer"], record["rest"]
        for part in (config, tokenizer, rest):
            if not isinstance(part, Mapping) or not all(
                isinstance(each, bool | int | float | str) for each in part.values()
            ):
                raise TypeError("what a base model computes is told by plain values")
        return cls(_text(record, "files"), dict(config), dict(tokenizer), code, dict(rest))


@dataclass(frozen=True, slots=True)
class BaseModel:
    """The untouched model that a store's edits are made for.

    Attributes:
        model: a Hub id, ``atlas``, or a folder: absolute where a store says where it is, ``./NAME`` in commits and
            packs, which go elsewhere.
        revision: the Hub commit, ``None`` for a folder.
        weights: SHA-256 over names, dtypes, shapes and values of all tensors of the checkpoint.
        tokenizer: SHA-256 over what the tokenizer does; where ``function`` is missing, over its files.
        target: the module that all memories change, in commits of format 1; since format 2 each memory says it itself.
        gguf_file: the GGUF file in there that model and tokenizer are dequantised from, ``None`` for a checkpoint of
            safetensors. Weights and tokenizer are then both the SHA-256 of this file.
        function: what else the model computes by; ``None`` for a GGUF file, which holds all of it, and in the records
            of earlier versions.
    """

    model: str
    revision: str | None
    weights: str
    tokenizer: str
    target: str | None = None
    gguf_file: str | None = None
    function: Function | None = None

    @property
    def source(self) -> str:
        """The model in one word, as ``init --model`` takes it: with the GGUF file where there is one."""
        return self.model if self.gguf_file is None else f"{self.model}/{self.gguf_file}"

    @property
    def fingerprint(self) -> str:
        """Weights, tokenizer and configuration in one word, 16 hexadecimal digits each, with ``-`` between them.

        The configuration only where the record has it.
        """
        known = "" if self.function is None else f"-{self.function.config_digest[:16]}"
        return f"{self.weights[:16]}-{self.tokenizer[:16]}{known}"

    @property
    def published(self) -> BaseModel:
        """The record as commits and packs have it: a folder by its name, never where it lies on somebody's disk."""
        folder = PurePath(self.model)
        return replace(self, model=f"./{folder.name}") if folder.is_absolute() else self

    def to_json(self) -> dict[str, Any]:
        """All fields and the fingerprint; target, GGUF file and function only where there is one."""
        record: dict[str, Any] = {
            "model": self.model,
            "revision": self.revision,
            "fingerprint": self.fingerprint,
            "weights": self.weights,
            "tokenizer": self.tokenizer,
        }
        function = None if self.function is None else self.function.to_json()
        return record | _without_none({"target": self.target, "gguf_file": self.gguf_file, "function": function})

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> BaseModel:
        """Read what :meth:`to_json` wrote.

        Raises:
            KeyError: a field is missing.
            TypeError: a field is not a text.
        """
        model, weights, tokenizer = (_text(record, name) for name in ("model", "weights", "tokenizer"))
        revision, target = (
            None if record.get(name) is None else _text(record, name) for name in ("revision", "target")
        )
        gguf_file = _text(record, "gguf_file") if "gguf_file" in record else None
        function = Function.from_json(record["function"]) if "function" in record else None
        if function is not None and function.tokenizer_digest != tokenizer:
            raise TypeError("the tokenizer's digest is not that of its parts")
        return cls(model, revision, weights, tokenizer, target, gguf_file, function)


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
        seed, settings, name = record["seed"], record["settings"], _text(record, "name")
        if not isinstance(seed, int) or not isinstance(settings, Mapping):
            raise TypeError("an editor needs a whole number as seed and a table of settings")
        if "resources" in record:
            resources = record["resources"]
            if not isinstance(resources, Mapping) or not all(isinstance(each, str) for each in resources.values()):
                raise TypeError("an editor's resources are ids of blobs")
            return cls(name, dict(settings), seed, dict(resources))
        pool = None if record.get(POOL) is None else _text(record, POOL)
        return cls(DEFAULT_EDITOR if name == "wise" else name, dict(settings), seed, {POOL: pool} if pool else {})


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """``.wisedb/config.toml``.

    Attributes:
        base: the base model.
        editor: the defaults for the next commits.
        remotes: name → URL.
        promised: the remote that a lazy clone fetches the blobs of old memories from when they are needed.
        trust_remote_code: whether the base model may run the Python files that lie beside it. Only its user says so: it
            is in no commit and no pack.
        accepted: fingerprints of base models that the user took the present one in the place of; what was made for
            them is taken as made for it.
        preferences: dotted key → value; see :mod:`wisedb.preferences`.
    """

    base: BaseModel
    editor: EditorChoice = field(default_factory=EditorChoice)
    remotes: Mapping[str, str] = field(default_factory=dict)
    promised: str | None = None
    trust_remote_code: bool = False
    accepted: tuple[str, ...] = ()
    preferences: Mapping[str, Preference] = field(default_factory=dict)

    def fits(self, base: BaseModel) -> bool:
        """Whether what was made for a base model belongs into this store."""
        return base.fingerprint in (self.base.fingerprint, *self.accepted)

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
        if self.trust_remote_code or self.accepted:
            document["local"] = {"trust_remote_code": self.trust_remote_code, "accepted": list(self.accepted)}
        if self.preferences:
            document["config"] = nest(self.preferences)
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
            base, editor = modern(
                BaseModel.from_json(document["base"]),
                EditorChoice.from_json({"settings": {}, **_with_pool(document["editor"], version)}),
            )
            local = document.get("local", {})
            return cls(
                base,
                editor,
                {name: _text(document["remotes"], name) for name in document.get("remotes", {})},
                _text(document["promised"], "remote") if "promised" in document else None,
                local.get("trust_remote_code", False) is True,
                tuple(str(each) for each in local.get("accepted", ())),
                flatten(document.get("config", {})),
            )
        except (UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
            raise CorruptObject(
                f"{name} can't be read: {error}", hint="Restore the file from a backup, or clone the store again."
            ) from error


def modern(base: BaseModel, editor: EditorChoice) -> tuple[BaseModel, EditorChoice]:
    """A base model and an editor as format 2 has them: which module is edited is the editor's to say."""
    if base.target is None:
        return base, editor
    return replace(base, target=None), editor.at(base.target)


def _with_pool(editor: Mapping[str, Any], version: int) -> Mapping[str, Any]:
    # TOML writes neither a null nor an empty table's absence: a format 2 store without resources has an empty one.
    return {"resources": {}, **editor} if version > 1 else editor


def _text(record: Mapping[str, Any], name: str) -> str:
    if not isinstance(record, Mapping) or not isinstance(record[name], str):
        raise TypeError(f"'{name}' must be a text")
    return str(record[name])


def _without_none(record: Mapping[str, Any]) -> dict[str, Any]:
    # TOML has no null: what is None is left out and read back as None.
    return {name: value for name, value in record.items() if value is not None}
