"""What must stay quiet while a lesson is learned: unrelated prompts, near neighbours, prompts of other shards."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from torch import Tensor

from wisedb.editors.keyed.batches import Prompts, Row, Rows, collate_prompts
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.editors.streams import StreamItem

# Of a large pool, so many prompts stand for all; of all near neighbours of a lesson's edits, about as many.
_EXAMINED = 200
_NEAR = 64


class Quiet:
    """Prompts under L_a and L_memo, of which the loudest come first; empty where routing asks nothing of ΔW.

    Args:
        rows: where their states come from.
        lesson: the edits that are learned.
        config: irrelevant, neighbours, keep, replay, irrelevant_source and router count here.
        chooser: draws them.
    """

    def __init__(self, rows: Rows, lesson: Sequence[StreamItem], config: KeyedSettings, chooser: Random) -> None:
        self._chooser = chooser
        self._config = config
        self._irrelevant: list[Row] = []
        self._replay: list[Row] = []
        if config.hinged:
            near = min(config.neighbours, -(-_NEAR // len(lesson)))
            local = [each for item in lesson for each in item.edit.locality if config.irrelevant_source == "edits"]
            unrelated = [row for each in local for row in rows.prompt(each.prompt)] or list(rows.pool())
            self._irrelevant = [row for item in lesson for row in rows.neighbours(item.edit, near, chooser)]
            self._irrelevant += chooser.sample(unrelated, min(_EXAMINED, len(unrelated)))
            others = {other.id: other for item in lesson for other in item.companions}
            self._replay = [rows.edit(other)[0] for other in others.values()]
        # Not heard yet counts as loud.
        self._level = [float("inf")] * len(self._irrelevant)
        self._chosen: list[int] = []

    def next(self) -> tuple[list[Row], Prompts | None, Prompts | None]:
        """A step's unrelated prompts, those to keep apart from the others, and its replay prompts."""
        half = self._config.irrelevant // 2
        loudest = sorted(range(len(self._level)), key=lambda number: -self._level[number])[:half]
        taken = set(loudest)
        rest = [number for number in range(len(self._level)) if number not in taken]
        more = self._chooser.sample(rest, min(self._config.irrelevant - len(loudest), len(rest)))
        self._chosen = [*loudest, *more]
        self._chooser.shuffle(self._chosen)
        rows = [self._irrelevant[number] for number in self._chosen]
        replay = self._chooser.sample(self._replay, min(self._config.replay, len(self._replay)))
        return rows[: self._config.keep], collate_prompts(rows[self._config.keep :]), collate_prompts(replay)

    def mark(self, levels: Tensor) -> None:
        """Δ_act of what :meth:`next` chose, ``(I,)``, kept ones first."""
        for number, level in zip(self._chosen, levels.tolist(), strict=True):
            self._level[number] = level
