"""Prompts with their answers as sequences of cached activations, and sequences as minibatches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from wisedb.model.cached_forward import CachedForward
from wisedb.model.opening import Opening


class Encoded(NamedTuple):
    """Prompt and answer as token ids.

    Attributes:
        ids: those of both.
        prompt: how many of them are the prompt's.
        start: the first token at which ΔW answers: 0 for a plain prompt, the prompt's last one in a chat.
    """

    ids: list[int]
    prompt: int
    start: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class CachedSequence:
    """Prompt and answer, and what lies below ΔW for them.

    Attributes:
        ids: prompt and answer, ``(T,)``; without what is kept as ``states``.
        prompt: how many of them are the prompt's.
        start: the first of them at which ΔW answers.
        features: A(x), ``(T, d_ff)``, zero where ΔW doesn't answer yet.
        hidden: what the cached forward starts from, ``(T, d_model)``, or ``None``.
        states: the keys and values of what stands in front of them, ``(blocks, 2, heads, P, d_head)``, or ``None``.
    """

    ids: Tensor
    prompt: int
    start: int
    features: Tensor
    hidden: Tensor | None
    states: Tensor | None = None

    @property
    def size(self) -> int:
        """Bytes of its tensors."""
        tensors = (part for part in (self.ids, self.features, self.hidden, self.states) if part is not None)
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


@dataclass(frozen=True, slots=True, eq=False)
class Minibatch:
    """Sequences side by side.

    Attributes:
        rows: which of the sequences that were put together these are.
        ids: ``(B, T)``, padded on the right.
        features: A(x), ``(B, T, d_ff)``, zero at the padding.
        hidden: what the cached forward starts from, ``(B, T, d_model)``, or ``None``.
        at: rows and columns of the positions that predict an answer token, ``(N,)`` each.
        labels: the answer tokens, ``(N,)``.
        weights: 1 / (tokens of that answer · sequences that were put together), ``(N,)``.
        states: the keys and values in front of each, see :class:`CachedSequence`; ``None`` for none.
    """

    rows: Sequence[int]
    ids: Tensor
    features: Tensor
    hidden: Tensor | None
    at: tuple[Tensor, Tensor]
    labels: Tensor
    weights: Tensor
    states: Sequence[Tensor] | None = None

    def least(self, per_token: Tensor) -> Tensor:
        """The least over each answer's tokens, ``(B,)``, of one number an answer token, ``(N,)``."""
        rows = self.at[0].to(per_token.device)
        return per_token.new_full((len(self.ids),), float("inf")).scatter_reduce(0, rows, per_token, "amin")


def cached(
    forward: CachedForward, encoded: Sequence[Encoded], *, prompts: bool = False, opening: Opening | None = None
) -> tuple[CachedSequence, ...]:
    """Run what lies below ΔW for some sequences, in one batch.

    Args:
        forward: the model's.
        encoded: the sequences.
        prompts: whether all blocks run, and of what stands in front of the first token at which ΔW answers only keys
            and values are kept.
        opening: what such prompts begin with, if anything, read in all blocks.
    """
    if not encoded:
        return ()
    ids = _padded([torch.tensor(each.ids, device=forward.device) for each in encoded])
    if opening is not None and not all(opening.opens(each.ids[: each.start + 1]) for each in encoded):
        opening = None
    features, hidden, states = forward.prompt(ids, opening) if prompts else (*forward.prefix(ids), None)
    found = []
    for row, (tokens, prompt, start) in enumerate(encoded):
        features[row, :start] = 0
        first = 0 if states is None else start
        found.append(
            CachedSequence(
                ids[row, first : len(tokens)].clone(),
                prompt - first,
                start - first,
                features[row, first : len(tokens)].clone(),
                None if hidden is None else hidden[row, first : len(tokens)].clone(),
                None if states is None else states[:, :, row, :, :start].clone(),
            )
        )
    return tuple(found)


def collate(sequences: Sequence[CachedSequence]) -> list[Minibatch]:
    """Sequences as minibatches, padded on the right to the longest: those with a prompt kept aside, and the others."""
    kept = [row for row, each in enumerate(sequences) if each.states is not None]
    others = [row for row, each in enumerate(sequences) if each.states is None]
    return [_minibatch(sequences, rows) for rows in (kept, others) if rows]


def _minibatch(together: Sequence[CachedSequence], rows: Sequence[int]) -> Minibatch:
    sequences = [together[row] for row in rows]
    ids = _padded([each.ids for each in sequences])
    spans = [(row, each.prompt, len(each.ids)) for row, each in enumerate(sequences)]
    positions = [(row, column) for row, start, end in spans for column in range(start - 1, end - 1)]
    weights = [1 / ((end - start) * len(together)) for _, start, end in spans for _ in range(start, end)]
    at = torch.tensor(positions, device=ids.device).T
    hidden = [each.hidden for each in sequences if each.hidden is not None]
    states = [each.states for each in sequences if each.states is not None]
    return Minibatch(
        rows,
        ids,
        _padded([each.features for each in sequences]),
        _padded(hidden) if hidden else None,
        (at[0], at[1]),
        torch.cat([each.ids[each.prompt :] for each in sequences]),
        torch.tensor(weights, device=ids.device),
        states or None,
    )


def _padded(sequences: Sequence[Tensor]) -> Tensor:
    return pad_sequence(list(sequences), batch_first=True)
