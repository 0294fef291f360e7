"""The untouched model that a store's edits are made for, as commits and packs record it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

from wisedb.canonical import canonical_json, digest
from wisedb.config.records import text_of, without_none


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
        return record | without_none({"code": self.code}) | {"rest": dict(self.rest)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Function:
        """Read what :meth:`to_json` wrote.

        Raises:
            KeyError: a field is missing.
            TypeError: a field has the wrong type.
        """
        code = text_of(record, "code") if "code" in record else None
        config, tokenizer, rest = record["config"], record["tokenizer"], record["rest"]
        for part in (config, tokenizer, rest):
            if not isinstance(part, Mapping) or not all(
                isinstance(each, bool | int | float | str) for each in part.values()
            ):
                raise TypeError("what a base model computes is told by plain values")
        return cls(text_of(record, "files"), dict(config), dict(tokenizer), code, dict(rest))


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
        return record | without_none({"target": self.target, "gguf_file": self.gguf_file, "function": function})

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> BaseModel:
        """Read what :meth:`to_json` wrote.

        Raises:
            KeyError: a field is missing.
            TypeError: a field is not a text.
        """
        model, weights, tokenizer = (text_of(record, name) for name in ("model", "weights", "tokenizer"))
        revision, target = (
            None if record.get(name) is None else text_of(record, name) for name in ("revision", "target")
        )
        gguf_file = text_of(record, "gguf_file") if "gguf_file" in record else None
        function = Function.from_json(record["function"]) if "function" in record else None
        if function is not None and function.tokenizer_digest != tokenizer:
            raise TypeError("the tokenizer's digest is not that of its parts")
        return cls(model, revision, weights, tokenizer, target, gguf_file, function)
