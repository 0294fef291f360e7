"""Facts as texts, which go into the context of a prompt that asks for them: nothing is changed in a forward pass."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

import torch
from torch import Tensor

from wisedb.errors import CannotBake, CorruptObject
from wisedb.memory.kinds.base import Part

_HINT = "Run `wisedb fsck`."


class Fact(NamedTuple):
    """What an edit says, in its own words.

    Attributes:
        prompt: the edit's prompt.
        target: its answer.
    """

    prompt: str
    target: str


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class PlacedFacts:
    """Nothing: the module gives what it gives."""

    @property
    def size(self) -> int:
        """No bytes."""
        return 0

    def apply(self, inputs: Tensor, output: Tensor, entry: Tensor) -> Tensor:
        """The output as it is."""
        return output


@dataclass(frozen=True, eq=False)
class FactsInContext:
    """n facts, one an edit in the memory's order.

    Attributes:
        module: the module beside which an editor that trains would write; its keys are made as for that one.
        widths: (d_in, d_out) of it.
        facts: the facts.

    Raises:
        CorruptObject: widths that no module has.
    """

    kind: ClassVar[str] = "context"
    origin: ClassVar[str] = "origin"
    main: ClassVar[str] = "facts"

    module: str
    widths: tuple[int, int]
    facts: tuple[Fact, ...] = ()

    def __post_init__(self) -> None:
        if len(self.widths) != 2 or any(not isinstance(width, int) or width < 1 for width in self.widths):
            raise CorruptObject("facts stand beside a module of no size", hint=_HINT)

    @property
    def modules(self) -> tuple[str, ...]:
        """The one module."""
        return (self.module,)

    @property
    def entries(self) -> int:
        """It is one piece."""
        return 1

    @property
    def size(self) -> int:
        """Bytes of the texts."""
        return sum(len(text.encode()) for fact in self.facts for text in fact)

    def parts(self) -> dict[str, Part]:
        """``origin`` (where it stands) and ``facts``."""
        return {
            self.origin: Part({"shape": list(self.widths)}),
            self.main: Part({"facts": [list(fact) for fact in self.facts]}),
        }

    @classmethod
    def of(cls, modules: tuple[str, ...], parts: Mapping[str, Part]) -> Self:
        """See :class:`wisedb.memory.kinds.base.Change`."""
        try:
            shape, listed = parts[cls.origin].meta["shape"], parts[cls.main].meta["facts"]
            facts = tuple(Fact(prompt, target) for prompt, target in listed)
            (module,), (d_in, d_out) = modules, shape
        except (KeyError, TypeError, ValueError) as error:
            raise CorruptObject("a memory of facts has one module, its shape and the facts", hint=_HINT) from error
        if not all(isinstance(text, str) for fact in facts for text in fact):
            raise CorruptObject("a fact is a prompt and a target", hint=_HINT)
        return cls(module, (d_in, d_out), facts)

    def begun(self, origin: Part) -> Self:
        """Itself: nothing of its beginning is drawn."""
        return self

    def shape(self, module: str) -> tuple[int, int]:
        """(d_in, d_out)."""
        return self.widths

    def place(self, module: str, device: torch.device, dtype: torch.dtype) -> PlacedFacts:
        """See :class:`wisedb.memory.kinds.base.Change`."""
        return PlacedFacts()

    def delta(self, module: str) -> Tensor:
        """There is none.

        Raises:
            CannotBake: always.
        """
        raise CannotBake(
            "facts that go into the context are part of no weight",
            hint="Export the commit as an adapter, or write the edits with another editor: --editor keyed.",
        )

    def compare(self, other: Self | None) -> Mapping[str, float]:
        """See :class:`wisedb.memory.kinds.base.Change`; each fact counts as a direction of length 1."""
        own, there = set(self.facts), set() if other is None else set(other.facts)
        return {
            "norm": math.sqrt(len(own)),
            "change": math.sqrt(len(own ^ there)),
            "entries": float(len(own)),
        }
