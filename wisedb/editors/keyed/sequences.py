"""Prompts with their answers as sequences of cached activations, and sequences as minibatches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from wisedb.model.cached_forward import CachedForward


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
        ids: prompt and answer, ``(T,)``.
        prompt: tokens of the prompt.
        start: the first token at which ΔW answers.
        features: A(x), ``(T, d_ff)``, zero where ΔW doesn't answer yet.
        hidden: what the cached forward starts from, ``(T, d_model)``, or ``None``.
    """

    ids: Tensor
    prompt: int
    start: int
    features: Tensor
    hidden: Tensor | None

    @property
    def size(self) -> int:
        """Bytes of its tensors."""
        tensors = (tensor for tensor in (self.ids, self.features, self.hidden) if tensor is not None)
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


@dataclass(frozen=True, slots=True, eq=False)
class Minibatch:
    """Sequences side by side.

    Attributes:
        ids: ``(B, T)``, padded on the right.
        features: A(x), ``(B, T, d_ff)``, zero at the padding.
        hidden: what the cached forward starts from, ``(B, T, d_model)``, or ``None``.
        at: rows and columns of the positions that predict an answer token, ``(N,)`` each.
        labels: the answer tokens, ``(N,)``.
        weights: 1 / (tokens of that answer · B), ``(N,)``.
    """

    ids: Tensor
    features: Tensor
    hidden: Tensor | None
    at: tuple[Tensor, Tensor]
    labels: Tensor
    weights: Tensor

    def least(self, per_token: Tensor) -> Tensor:
        """The least over each answer's tokens, ``(B,)``, of one number an answer token, ``(N,)``."""
        rows = self.at[0].to(per_token.device)
        return per_token.new_full((len(self.ids),), float("inf")).scatter_reduce(0, rows, per_token, "amin")


def cached(forward: CachedForward, encoded: Sequence[Encoded]) -> tuple[CachedSequence, ...]:
    """Run what lies below ΔW for some sequences, in one batch.

    Args:
        forward: the model's.
        encoded: the sequences.
    """
    if not encoded:
        return ()
    device = forward.device
    ids = _padded([torch.tensor(each.ids, device=device) for each in encoded])
    features, hidden = forward.prefix(ids)
    for row, each in enumerate(encoded):
        features[row, : each.start] = 0
    return tuple(
        CachedSequence(
            ids[row, : len(each.ids)].clone(),
            each.prompt,
            each.start,
            features[row, : len(each.ids)].clone(),
            None if hidden is None else hidden[row, : len(each.ids)].clone(),
        )
        for row, each in enumerate(encoded)
    )


def collate(sequences: Sequence[CachedSequence]) -> Minibatch:
    """Sequences as one minibatch, padded on the right to the longest."""
    ids = _padded([each.ids for each in sequences])
    spans = [(row, each.prompt, len(each.ids)) for row, each in enumerate(sequences)]
    positions = [(row, column) for row, start, end in spans for column in range(start - 1, end - 1)]
    weights = [1 / ((end - start) * len(sequences)) for _, start, end in spans for _ in range(start, end)]
    at = torch.tensor(positions, device=ids.device).T
    hidden = [each.hidden for each in sequences if each.hidden is not None]
    return Minibatch(
        ids,
        _padded([each.features for each in sequences]),
        _padded(hidden) if hidden else None,
        (at[0], at[1]),
        torch.cat([each.ids[each.prompt :] for each in sequences]),
        torch.tensor(weights, device=ids.device),
    )


def _padded(sequences: Sequence[Tensor]) -> Tensor:
    return pad_sequence(list(sequences), batch_first=True)
