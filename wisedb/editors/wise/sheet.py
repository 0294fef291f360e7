"""The sequences of one lesson, and what lies below ΔW for them, within bounds of memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from wisedb.editors.wise.batch import Batch, Row, collate, lower_rows
from wisedb.editors.wise.prepared import PreparedModel
from wisedb.errors import TrainingFailed
from wisedb.memory.prompts import encode_pair

# Tokens that are computed together, padding included, and answer tokens whose logits are held at once.
_TOKENS = 4096
_ANSWERS = 1024
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

    Raises:
        TrainingFailed: a prompt leaves no room for an answer in the model's context.
    """

    def __init__(self, base: PreparedModel, texts: Sequence[tuple[Sequence[str], str]], *, end: bool) -> None:
        self._base = base
        limit = _limit(base)
        self._sequences = [_encoded(base, prompts, target, limit, end=end) for prompts, target in texts]
        width = base.projection.d_ff + base.projection.d_model
        size = width * sum(len(ids) for views in self._sequences for ids, _ in views) * base.feature_bytes
        self._rows: dict[Pick, Row] | None = {} if size <= _BYTES else None
        if self._rows is not None:
            picks = [(edit, view) for edit, views in enumerate(self._sequences) for view in range(len(views))]
            for some in self._portions(sorted(picks, key=self._length)):
                self._rows.update(zip(some, self._lower(some), strict=True))

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

    def fitting(self, picks: Sequence[Pick]) -> Sequence[Pick]:
        """As many of the first picks as one step can take, one at least."""
        return next(self._portions(picks), ())

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


def _encoded(
    base: PreparedModel, prompts: Sequence[str], target: str, limit: int | None, *, end: bool
) -> list[tuple[list[int], int]]:
    pairs = [encode_pair(base.tokenizer, prompt, target, end=end) for prompt in prompts]
    if limit is None:
        return [(ids + answer, len(ids)) for ids, answer in pairs]
    bare, answer = pairs[0]
    if len(bare) >= limit:
        raise TrainingFailed(
            f"the prompt {prompts[0][:60]!r}… has {len(bare)} tokens, and the model reads {limit}",
            hint="Shorten the prompt.",
        )
    # Of a passage that is longer than the model's context the beginning is learned, with the bare prompt at least.
    whole = [(ids + more, len(ids)) for ids, more in pairs[1:] if len(ids) + len(more) <= limit]
    return [((bare + answer)[:limit], len(bare)), *whole]


def _limit(base: PreparedModel) -> int | None:
    config = base.model.config.get_text_config()  # type: ignore[operator, union-attr]
    found = getattr(config, "max_position_embeddings", None)
    return found if isinstance(found, int) and found > 1 else None
