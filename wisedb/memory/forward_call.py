"""What one forward call says about its tokens: which are real, where the prompt ends, what the cache holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from wisedb.errors import UsageError
from wisedb.memory.cache_state import CacheState
from wisedb.memory.gates.decision import Decision
from wisedb.memory.gates.keys.replies import Replies
from wisedb.memory.routing import Scope
from wisedb.memory.trace import Trace

IGNORED = -100
"""The label of a token that the loss leaves out, in transformers."""


@dataclass(slots=True)
class ForwardCall:
    """One forward call, while it runs.

    Attributes:
        module: the model that was called.
        rows: B.
        tokens: T, the tokens of this call alone.
        mask: the attention mask as it was given.
        labels: int64 (B, T), if given.
        cache: the key-value cache, as it was given.
        past: how many positions the cache held before the call; a tensor () where only the device knows.
        ids: int64 (B, T), the tokens; None where embeddings were given instead.
        embedded: what the embedding module gave, or was given instead, (B, T, d).
        states: what entered the block at which relations are read, (B, T, d_model).
        cache_states: what the routers have seen, to be kept with the cache that the call returns.
        may_sync: whether the host may wait for the device to see the slots, so that only what answers is multiplied.
        recorded: whether somebody records: every score is wanted then.
        key_decision: what the keys decided, once they were asked.
        slots: int64 (B, T): who answers, as far as the modules so far have decided.
        measured: the memories whose activation the modules so far have measured.
        prompt_end: int64 (B,): the prompt's last token in each row, counted as this call does; below 0 if it lies
            before the call or isn't known. Set where a codebook is asked, which answers from there on.
        replies: what the keys found of conversations, None where there are none.
        whole: int64 (B, S), the tokens so far, where there are conversations.
        traces: what was decided at the modules so far, where somebody records.
    """

    module: nn.Module | None
    rows: int
    tokens: int
    mask: Any = None
    labels: torch.Tensor | None = None
    cache: Any = None
    past: int | torch.Tensor = 0
    ids: torch.Tensor | None = None
    embedded: torch.Tensor | None = None
    states: torch.Tensor | None = None
    cache_states: list[CacheState[Any]] = field(default_factory=list)
    may_sync: bool = False
    recorded: bool = False
    key_decision: Decision | None = None
    slots: torch.Tensor | None = None
    measured: tuple[int, ...] = ()
    prompt_end: torch.Tensor | None = None
    replies: Replies | None = None
    whole: torch.Tensor | None = None
    traces: list[Trace] = field(default_factory=list)

    @property
    def max_positions(self) -> int | None:
        """How many positions a cache of fixed size can hold; None if it grows."""
        size = self.cache.get_max_cache_shape() if hasattr(self.cache, "get_max_cache_shape") else None
        return size if isinstance(size, int) and size > 0 else None

    def valid(self, device: torch.device) -> torch.Tensor:
        """bool (B, T): the tokens that are no padding; all of them if no mask was given.

        Raises:
            UsageError: a mask that doesn't say it: neither (B, S) nor (B, 1, T, S).
        """
        mask = self.mask
        if isinstance(mask, Mapping):
            # Models with several kinds of attention take one mask for each; full attention hides the least.
            mask = mask.get("full_attention", next(iter(mask.values()), None))
        if mask is None:
            return torch.ones(self.rows, self.tokens, dtype=torch.bool, device=device)
        if isinstance(mask, torch.Tensor) and mask.ndim == 2:
            return (mask[:, mask.shape[1] - self.tokens :] != 0).to(device)
        if isinstance(mask, torch.Tensor) and mask.ndim == 4:
            return self._diagonal(mask).expand(self.rows, -1).to(device)
        raise UsageError(
            f"memories can't tell the padding from an attention mask of type {type(mask).__name__}",
            hint="Give the attention mask as a tensor of shape (batch, tokens).",
        )

    def _diagonal(self, mask: torch.Tensor) -> torch.Tensor:
        """A real token attends to itself, padding to nothing."""
        queries = torch.arange(self.tokens, device=mask.device)
        keys = (queries + self.past)[None, None, :, None].expand(mask.shape[0], 1, -1, 1)
        own = mask[:, :1, -self.tokens :].gather(3, keys)[:, 0, :, 0]
        return own if own.dtype == torch.bool else own > torch.finfo(own.dtype).min / 2


def causal(valid: torch.Tensor) -> Scope:
    """No prompt boundary is known: every position decides over the tokens up to it."""
    return Scope(valid, torch.zeros(valid.shape[0], dtype=torch.bool, device=valid.device))


def up_to_labels(valid: torch.Tensor, labels: torch.Tensor, begun: torch.Tensor) -> Scope:
    """The prompt is what stands before the first label (B, T) that the loss counts.

    A row without a prompt has nothing to decide on in advance, as in plain language modelling (labels = ids): there
    every position decides for itself. ``begun`` (B,) says of which rows the cache holds a prompt.
    """
    positions = torch.arange(valid.shape[1], device=valid.device)
    counted = labels.to(valid.device) != IGNORED
    first = torch.where(counted, positions, valid.shape[1]).amin(dim=1)
    return _bounded(valid, positions < first[:, None], begun)


def up_to_lengths(valid: torch.Tensor, lengths: torch.Tensor, begun: torch.Tensor) -> Scope:
    """The prompt is the first ``lengths`` (B,) real tokens of each row, on whichever side the padding is."""
    return _bounded(valid, valid.cumsum(dim=1) <= lengths.to(valid.device)[:, None], begun)


def up_to_position(valid: torch.Tensor, position: int) -> Scope:
    """The prompt is what stands before ``position`` in every row, as in ``generate``."""
    positions = torch.arange(valid.shape[1], device=valid.device)
    held = torch.ones(valid.shape[0], dtype=torch.bool, device=valid.device)
    return Scope(valid & (positions < position), held, single=True)


def _bounded(valid: torch.Tensor, prompt: torch.Tensor, begun: torch.Tensor) -> Scope:
    held = (valid & prompt).any(dim=1) | begun
    return Scope(valid & (prompt | ~held[:, None]), held)
