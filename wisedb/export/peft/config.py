"""The configuration of the method: what stands in ``adapter_config.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from peft import PeftConfig

from wisedb.errors import CorruptObject, FormatTooNew, UsageError

FORMAT = 2

PREFIX = "wisedb_"
"""What the names of the method's own tensors begin with."""

ADAPTER_MODES = ("retrieve", "merge")


class MethodName(str):
    """A PEFT method's name where peft has an ``enum`` of its own methods: a text with a ``value``."""

    __slots__ = ()

    @property
    def value(self) -> str:
        """The name itself; transformers asks for it as for an enum's."""
        return str(self)


METHOD = MethodName("WISEDB")
"""``peft_type`` in the file. Where wisedb was not imported, the error that peft raises is this word."""


@dataclass
class MemoryConfig(PeftConfig):  # type: ignore[misc]
    """A commit's memories, all but their tensors.

    Attributes:
        target_modules: the module beside which their tensors lie, one full path: the first that they change.
        mode: ``retrieve`` (the memory that fires answers) or ``merge`` (one memory, the TIES merge of all).
        memories: for each memory what a commit says of it, and by role its blobs: id, kind, meta, and dtype and shape
            of the arrays. The arrays themselves are the tensors of ``adapter_model.safetensors``.
        merged: how the memories merge.
        base: the base model as the store records it, fingerprints included.
        probe: some values of the projection's weight, by which another base model is told.
        commit: where the memories come from.
        format: the version of all this.

    Raises:
        FormatTooNew: a newer wisedb wrote it.
        UsageError: no such mode.
    """

    target_modules: list[str] | None = None
    mode: str = "retrieve"
    memories: list[dict[str, Any]] = field(default_factory=list)
    merged: dict[str, Any] | None = None
    base: dict[str, Any] = field(default_factory=dict)
    probe: dict[str, Any] | None = None
    commit: str | None = None
    format: int = FORMAT

    def __post_init__(self) -> None:
        super().__post_init__()
        self.peft_type = METHOD
        if self.format > FORMAT:
            raise FormatTooNew(f"the adapter has format {self.format}", hint="Upgrade wisedb.")
        if self.mode not in ADAPTER_MODES:
            raise UsageError(f"there is no mode '{self.mode}'", hint=f"There are: {', '.join(ADAPTER_MODES)}.")
        if not isinstance(self.base, Mapping):
            raise CorruptObject("the adapter doesn't say which base model it is for", hint="Export the adapter again.")
        if self.base.get("model") == "atlas":
            from wisedb import atlas  # the tables beside it are read only when the model is wanted

            # The model that ships inside is somewhere else on each machine.
            self.base_model_name_or_path = str(atlas.model_dir())
