"""What relation keys are centred on before they are compared: how a prompt differs from what is usual is what it asks.

In a model of several languages a prompt differs from the mean of all texts first by its own language, which says
nothing of what it asks. The script in which a text is written tells languages apart where nobody else does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from wisedb.errors import CorruptObject
from wisedb.model.words import script_of

# The mean of all relation keys is drawn towards that of unrelated text, as if there were so many more of these.
_PRIOR = 30.0
# Texts from which on a script has a mean of its own. Set by hand.
_FEW = 8
# What the means are called in a blob, and the scripts in its JSON.
CENTRES, SCRIPTS = "script_centres", "scripts"


def _nothing() -> torch.Tensor:
    return torch.zeros(0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class ScriptMeans:
    """The mean relation key of unrelated texts in each script; of no script where all are in one.

    Attributes:
        scripts: their names (:func:`wisedb.model.words.script_of`), the most frequent first.
        means: float32 (scripts, r).

    Raises:
        CorruptObject: the two don't belong together, or a value is not finite.
    """

    scripts: tuple[str, ...] = ()
    means: torch.Tensor = field(default_factory=_nothing)

    def __post_init__(self) -> None:
        whole = self.means.dtype == torch.float32 and self.means.ndim == 2 and len(self.means) == len(self.scripts)
        if not whole or not bool(torch.isfinite(self.means).all()):
            raise CorruptObject("the means of scripts don't belong together", hint="Run `wisedb fsck`.")

    @classmethod
    def of(cls, texts: Sequence[str], relations: torch.Tensor) -> ScriptMeans:
        """Those of texts and their relation keys, (n, r)."""
        script = [script_of(text) for text in texts]
        found = tuple(name for name, count in Counter(script).most_common() if name and count >= _FEW)
        if len(found) < 2:
            return cls()
        return cls(
            found, torch.stack([relations[torch.tensor([name == own for own in script])].mean(0) for name in found])
        )

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, torch.Tensor], meta: Mapping[str, Any]) -> ScriptMeans:
        """What :meth:`tensors` and :meth:`meta` gave; nothing in stores from before scripts were told apart."""
        return cls(tuple(map(str, meta.get(SCRIPTS, ()))), tensors.get(CENTRES, _nothing()))

    def tensors(self) -> dict[str, torch.Tensor]:
        """The means by name, for a blob, where there are some."""
        return {CENTRES: self.means} if self.scripts else {}

    def meta(self) -> dict[str, list[str]]:
        """The scripts, as JSON takes them, where there are some."""
        return {SCRIPTS: list(self.scripts)} if self.scripts else {}

    def place(self, text: str) -> int:
        """The place of a text's script among the scripts and 1; 0 for any other."""
        script = script_of(text)
        return self.scripts.index(script) + 1 if script in self.scripts else 0

    def mean(self, place: int) -> torch.Tensor | None:
        """The mean (r,) at a place as :meth:`place` counts it; ``None`` for 0: that of all texts, which is zero."""
        return self.means[place - 1] if place else None


def centre_of(relations: torch.Tensor, usual: torch.Tensor | None = None) -> torch.Tensor:
    """What is taken off relation keys before they are compared, (r,), from those of all edits, (k, r).

    Their mean, drawn towards that of unrelated text: few edits don't say what edits usually ask.

    Args:
        relations: the keys.
        usual: the mean of unrelated text, (r,); None for zero, that of all of it.
    """
    found = relations.sum(dim=0) / (len(relations) + _PRIOR)
    return found if usual is None else found + usual * (_PRIOR / (len(relations) + _PRIOR))


def centres_of(
    relations: torch.Tensor, scripts: torch.Tensor, chat: torch.Tensor, typed: torch.Tensor, usual: ScriptMeans
) -> tuple[torch.Tensor, torch.Tensor]:
    """The centres (g, r) of the scripts that keys are written in and of chats, and which one is each key's, (k,)."""
    there = torch.unique(scripts[~chat]).tolist() or [0]
    rows = [centre_of(relations[~chat & ~typed & (scripts == script)], usual.mean(script)) for script in there]
    group = torch.searchsorted(torch.tensor(there), scripts).clamp(max=len(there) - 1)
    return torch.stack([*rows, torch.zeros_like(rows[0])]), torch.where(chat, len(rows), group)
