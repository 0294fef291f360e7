"""Edits and prompts as rows of cached states, and rows as batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from wisedb.editors.keyed.context import PreparedModel
from wisedb.editors.keyed.neighbours import names, neighbours
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.edits import Edit
from wisedb.model.tokens import encode_pair, encode_prompt, joined

# Pool prompts that are computed together, and how far the unedited model's way of going on is kept, in tokens.
_PORTION = 32
_GOING_ON = 3


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One sequence and what lies below ΔW for it.

    Attributes:
        ids: prompt and answer, ``(T,)``; the prompt alone for an unrelated one.
        prompt: tokens of the prompt.
        features: A(x), ``(T, d_ff)``.
        hidden: what the shortcut kept, ``(T, d_model)``, or ``None``.
    """

    ids: Tensor
    prompt: int
    features: Tensor
    hidden: Tensor | None


@dataclass(frozen=True, slots=True, eq=False)
class Prompts:
    """Prompts whose activation alone counts.

    Attributes:
        features: A(x), ``(B, T, d_ff)``, zero at the padding.
        prompt: which positions are the prompt's, ``(B, T)``, bool.
    """

    features: Tensor
    prompt: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Sequences with answers.

    Attributes:
        ids: ``(B, T)``, padded on the right.
        prompts: features and prompt positions of the whole sequences.
        hidden: what the shortcut kept, ``(B, T, d_model)``, or ``None``.
        at: rows and columns of the positions that predict an answer token, ``(N,)`` each.
        labels: the answer tokens, ``(N,)``.
        weights: 1 / (tokens of that answer · B), ``(N,)``.
    """

    ids: Tensor
    prompts: Prompts
    hidden: Tensor | None
    at: tuple[Tensor, Tensor]
    labels: Tensor
    weights: Tensor


class Rows:
    """The rows of edits and prompts, computed when they are first asked for.

    Rows that are computed together are those of one edit, or the pool's prompts in fixed portions, so that what is
    cached never depends on the order of the questions.
    """

    def __init__(self, base: PreparedModel, config: KeyedSettings) -> None:
        self._base = base
        self._contexts = base.pool.contexts[: config.contexts]
        self._end = config.end
        self._go_on = _GOING_ON if config.keep and config.hinged else 0
        self._edits: dict[str, tuple[Row, ...]] = {}
        self._prompts: dict[str, tuple[Row, ...]] = {}
        self._pool: tuple[Row, ...] | None = None
        self._names = names(base.pool.prompts)

    def edit(self, edit: Edit) -> tuple[Row, ...]:
        """The edit's sequence bare, then behind each context."""
        if edit.id not in self._edits:
            prompts = [edit.prompt, *(joined(context, edit.prompt) for context in self._contexts)]
            pairs = [encode_pair(self._base.tokenizer, prompt, edit.target, end=self._end) for prompt in prompts]
            self._edits[edit.id] = self._compute([(ids + answer, len(ids)) for ids, answer in pairs])
        return self._edits[edit.id]

    def prompt(self, prompt: str) -> tuple[Row, ...]:
        """An unrelated prompt, as one row like those of :meth:`pool`; no row where it has no token."""
        if prompt not in self._prompts:
            self._prompts[prompt] = self._unrelated([prompt])
        return self._prompts[prompt]

    def neighbours(self, edit: Edit, count: int, chooser: Random) -> tuple[Row, ...]:
        """The edit's prompt asked of something else, as rows like those of :meth:`pool`; see :func:`neighbours`."""
        return self._unrelated(neighbours(edit, self._names, count, chooser))

    def pool(self) -> tuple[Row, ...]:
        """The pool's unrelated prompts; their answers, if ``keep`` asks for them, are what the unedited model says."""
        if self._pool is None:
            prompts = self._base.pool.prompts
            portions = [prompts[start : start + _PORTION] for start in range(0, len(prompts), _PORTION)]
            self._pool = tuple(row for portion in portions for row in self._unrelated(portion))
        return self._pool

    def _unrelated(self, prompts: Sequence[str]) -> tuple[Row, ...]:
        encoded = [ids for prompt in prompts if (ids := encode_prompt(self._base.tokenizer, prompt))]
        lengths = [len(ids) for ids in encoded]
        for _ in range(self._go_on):
            rows = self._compute([(ids, len(ids)) for ids in encoded])
            encoded = [[*ids, token] for ids, token in zip(encoded, self._next(rows), strict=True)]
        return self._compute(list(zip(encoded, lengths, strict=True)))

    @torch.no_grad()
    def _next(self, rows: Sequence[Row]) -> list[int]:
        if not rows:
            return []
        ids, hidden = _padded([row.ids for row in rows]), _hidden(rows)
        last = torch.tensor([row.prompt - 1 for row in rows], device=ids.device)
        at = (torch.arange(len(rows), device=ids.device), last)
        still = rows[0].features.new_zeros(*ids.shape, self._base.projection.d_model)
        tokens: list[int] = self._base.shortcut.logits(ids, hidden, still, at).argmax(-1).tolist()
        return tokens

    def _compute(self, sequences: Sequence[tuple[list[int], int]]) -> tuple[Row, ...]:
        return lower_rows(self._base, sequences)


def lower_rows(base: PreparedModel, sequences: Sequence[tuple[list[int], int]]) -> tuple[Row, ...]:
    """What lies below ΔW of some sequences, computed in one batch.

    Args:
        base: the prepared base model.
        sequences: the ids of prompt and answer, and how many of them are the prompt's.
    """
    if not sequences:
        return ()
    device = base.model.get_input_embeddings().weight.device  # type: ignore[operator]
    ids = _padded([torch.tensor(tokens, device=device) for tokens, _ in sequences])
    features, hidden = base.shortcut.lower(ids)
    return tuple(
        Row(
            ids[row, : len(tokens)].clone(),
            prompt,
            features[row, : len(tokens)].clone(),
            None if hidden is None else hidden[row, : len(tokens)].clone(),
        )
        for row, (tokens, prompt) in enumerate(sequences)
    )


def collate_prompts(rows: Sequence[Row]) -> Prompts | None:
    """Rows as one batch in which only the prompts count; ``None`` for no rows."""
    if not rows:
        return None
    features = _padded([row.features[: row.prompt] for row in rows])
    return Prompts(features, _marked([row.prompt for row in rows], features))


def collate(rows: Sequence[Row]) -> Batch:
    """Rows with answers as one batch, padded on the right to the longest."""
    ids = _padded([row.ids for row in rows])
    features = _padded([row.features for row in rows])
    spans = [(number, row.prompt, len(row.ids)) for number, row in enumerate(rows)]
    places = [(number, column) for number, start, end in spans for column in range(start - 1, end - 1)]
    weights = [1 / ((end - start) * len(rows)) for _, start, end in spans for _ in range(start, end)]
    at = torch.tensor(places, device=ids.device).T
    return Batch(
        ids,
        Prompts(features, _marked([row.prompt for row in rows], features)),
        _hidden(rows),
        (at[0], at[1]),
        torch.cat([row.ids[row.prompt :] for row in rows]),
        torch.tensor(weights, device=ids.device),
    )


def _padded(sequences: Sequence[Tensor]) -> Tensor:
    return pad_sequence(list(sequences), batch_first=True)


def _hidden(rows: Sequence[Row]) -> Tensor | None:
    hidden = [row.hidden for row in rows if row.hidden is not None]
    return _padded(hidden) if hidden else None


def _marked(lengths: Sequence[int], features: Tensor) -> Tensor:
    positions = torch.arange(features.shape[1], device=features.device)
    return positions < torch.tensor(lengths, device=features.device)[:, None]
