"""The sequences of one lesson, and what lies below ΔW for them, within bounds of memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import accumulate

import torch
from torch import Tensor

from wisedb.editors.common.limits import ensure_fits, positions
from wisedb.editors.keyed.activation_cache import KeptRows
from wisedb.editors.keyed.batches import Batch, Row, collate, lower_rows
from wisedb.editors.keyed.context import PreparedModel
from wisedb.model.tokens import encode_pair

# Tokens that are computed together, padding included, and answer tokens whose logits are held at once.
_TOKENS = 4096
_ANSWERS = 1024
# Answer tokens that a seat of a step stands for. An answer takes a seat for each full dozen of them, one at least:
# a fact takes one, a passage of two hundred tokens all sixteen. Seats bound what a step holds, and what it costs.
_SEAT = 12
# Above so many bytes of states a lesson doesn't keep them, but computes them anew for each step: long passages.
_BYTES = 2 << 30

# Tokens that stand for all where A(x) is measured.
_SAMPLED = 8192

Pick = tuple[int, int]
"""Which edit of the sheet, and which of its views."""


class Sheet:
    """Edits as sequences of prompt and answer.

    What is computed together depends on the sheet alone, never on what was asked before: a lesson's result must not
    depend on where the training that led to it began.

    Args:
        base: the prepared base model.
        texts: of each edit, its views (the bare prompt first) and its target.
        end: whether the target ends with the end token.
        kept: where the rows of these edits are looked for, and left for the next sheet; without it they are computed
            here, many at once.

    Raises:
        TrainingFailed: prompt and answer are more than the model reads.
    """

    def __init__(
        self,
        base: PreparedModel,
        texts: Sequence[tuple[Sequence[str], str]],
        *,
        end: bool,
        kept: KeptRows | None = None,
    ) -> None:
        self._base = base
        limit = positions(base.model)
        self._sequences = [_encoded(base, prompts, target, limit, end=end) for prompts, target in texts]
        width = base.projection.d_ff + base.projection.d_model
        size = width * sum(len(ids) for views in self._sequences for ids, _ in views) * base.feature_bytes
        self._rows: dict[Pick, Row] | None = {} if size <= _BYTES else None
        if self._rows is None:
            return
        if kept is None:
            picks = [(edit, view) for edit, views in enumerate(self._sequences) for view in range(len(views))]
            for some in self._portions(sorted(picks, key=self._length)):
                self._rows.update(zip(some, self._lower(some), strict=True))
        else:
            for edit, views in enumerate(self._sequences):
                rows = kept.rows(views, partial(lower_rows, base))
                self._rows.update(((edit, view), row) for view, row in enumerate(rows))

    def __len__(self) -> int:
        return len(self._sequences)

    def views(self, edit: int) -> int:
        """How many views an edit has; 0 is the bare prompt."""
        return len(self._sequences[edit])

    @property
    def bare(self) -> list[Pick]:
        """Each edit's bare prompt."""
        return [(edit, 0) for edit in range(len(self))]

    def rows(self, picks: Sequence[Pick]) -> list[Row]:
        """The rows of some views."""
        if self._rows is None:
            return list(self._lower(picks))
        return [self._rows[pick] for pick in picks]

    def batches(self, picks: Sequence[Pick]) -> Iterator[tuple[Sequence[Pick], Batch]]:
        """Many views in batches whose states and logits fit into memory."""
        for some in self._portions(picks):
            yield some, collate(self.rows(some))

    def features(self, picks: Sequence[Pick]) -> Iterator[Tensor]:
        """A(x) of some views' tokens, ``(n, d_ff)`` each, of long ones not every token."""
        stride = -(-sum(self._length(pick) for pick in picks) // _SAMPLED)
        for some in self._portions(picks):
            yield torch.cat([row.features for row in self.rows(some)])[::stride].clone()

    def seats(self, edit: int) -> int:
        """How many seats of a step a view of an edit takes: one for each :data:`_SEAT` answer tokens, one at least."""
        ids, prompt = self._sequences[edit][0]
        return max(1, (len(ids) - prompt) // _SEAT)

    def longest(self, picks: Sequence[Pick]) -> int:
        """Tokens of the longest of some views."""
        return max(map(self._length, picks), default=0)

    def fitting(self, picks: Sequence[Pick], seats: int) -> Sequence[Pick]:
        """As many of the first picks as ``seats`` and one batch's tokens hold, one at least."""
        some = next(self._portions(picks), [])
        taken = list(accumulate(self.seats(edit) for edit, _ in some))
        return some[: max(1, bisect_right(taken, seats))]

    def _portions(self, picks: Sequence[Pick]) -> Iterator[list[Pick]]:
        some: list[Pick] = []
        longest = answers = 0
        for pick in picks:
            ids, prompt = self._sequences[pick[0]][pick[1]]
            wider, more = max(longest, len(ids)), answers + len(ids) - prompt
            if some and (wider * (len(some) + 1) > _TOKENS or more > _ANSWERS):
                yield some
                some, wider, more = [], len(ids), len(ids) - prompt
            some.append(pick)
            longest, answers = wider, more
        if some:
            yield some

    def _length(self, pick: Pick) -> int:
        return len(self._sequences[pick[0]][pick[1]][0])

    def _lower(self, picks: Sequence[Pick]) -> tuple[Row, ...]:
        return lower_rows(self._base, [self._sequences[edit][view] for edit, view in picks])


def answers_of(batch: Batch, per_token: Tensor) -> Tensor:
    """The least of an answer's tokens, ``(B,)``, from one number an answer token, ``(N,)``."""
    rows = batch.at[0].to(per_token.device)
    return per_token.new_full((len(batch.ids),), float("inf")).scatter_reduce(0, rows, per_token, "amin")


def together(
    fresh: Sheet, picks: Sequence[Pick], seats: int, known: Sheet, again: Sequence[Pick], more: int
) -> tuple[Sequence[Pick], Sequence[Pick]]:
    """What one step takes of two sheets: each side as many of its first picks as its seats hold, one at least.

    Padded to the longest of both sides they may be twice as many tokens as one batch of either: short sequences that
    would be padded to a passage's length wait for another step.

    Args:
        fresh, known: the sheets.
        picks, again: what is due of them.
        seats, more: the seats of each side.
    """
    sides = [list(fresh.fitting(picks, seats)), list(known.fitting(again, more))]
    while sum(map(len, sides)) * max(fresh.longest(sides[0]), known.longest(sides[1])) > 2 * _TOKENS:
        side = max(sides, key=len)
        if len(side) <= 1:
            break
        side.pop()
    return sides[0], sides[1]


def _encoded(
    base: PreparedModel, prompts: Sequence[str], target: str, limit: int | None, *, end: bool
) -> list[tuple[list[int], int]]:
    pairs = [encode_pair(base.tokenizer, prompt, target, end=end) for prompt in prompts]
    ensure_fits(prompts[0], len(pairs[0][0]), len(pairs[0][1]), limit)
    # Behind a context a long passage may no longer fit: it is learned in the views that do.
    fitting = [(ids, more) for ids, more in pairs if limit is None or len(ids) + len(more) <= limit]
    return [(ids + more, len(ids)) for ids, more in fitting]
