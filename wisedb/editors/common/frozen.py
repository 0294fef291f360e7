"""Texts as what the frozen model below ΔW makes of them: computed once, read at every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from wisedb.editors.common.dtypes import default_dtype
from wisedb.model.cached_forward import CachedForward
from wisedb.model.find_cached_forward import find_cached_forward
from wisedb.model.locate import Projection, weight_of
from wisedb.model.tokens import encode_pair, encode_prompt

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from wisedb.edits import Edit

_TOGETHER = 32


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """One text below ΔW.

    Attributes:
        ids: prompt and answer, int64 (T,); the prompt alone where there is no answer.
        prompt: how many of them are the prompt's.
        features: A(x), (T, d_ff).
        hidden: what the cached forward wants back for the logits, (T, d_model), or None.
    """

    ids: Tensor
    prompt: int
    features: Tensor
    hidden: Tensor | None


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Texts with answers as one batch, padded on the right.

    Attributes:
        ids: int64 (B, T).
        features: A(x), (B, T, d_ff), zero at the padding.
        hidden: (B, T, d_model), or None.
        prompt: bool (B, T), True at the prompts' tokens.
        at: rows and columns of the positions that predict an answer token, int64 (N,) each.
        labels: the answer tokens, int64 (N,).
        weights: 1 / (tokens of that answer · B), float32 (N,).
    """

    ids: Tensor
    features: Tensor
    hidden: Tensor | None
    prompt: Tensor
    at: tuple[Tensor, Tensor]
    labels: Tensor
    weights: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Frozen:
    """The untouched model, and the way through it that skips what lies below ΔW.

    Attributes:
        model: in evaluation mode, without memories.
        tokenizer: its tokenizer.
        projection: where ΔW sits.
        forward: how the frozen part is skipped.
    """

    model: nn.Module
    tokenizer: PreTrainedTokenizerBase
    projection: Projection
    forward: CachedForward

    @classmethod
    def of(cls, model: nn.Module, tokenizer: PreTrainedTokenizerBase, projection: Projection) -> Frozen:
        """Try out how the model's forward can be cut."""
        return cls(model, tokenizer, projection, find_cached_forward(model, projection))

    @property
    def device(self) -> torch.device:
        """Where the edited weight lives, and so ΔW and all cached states."""
        return weight_of(self.projection).device

    @property
    def weight(self) -> Tensor:
        """W_v, (d_ff, d_model)."""
        return weight_of(self.projection).detach()

    @property
    def stored_dtype(self) -> torch.dtype:
        """What ΔW is stored in."""
        return default_dtype(self.projection)

    def questions(self, prompts: Sequence[str], answer: str) -> list[Text]:
        """Prompts that all have one answer. The answer's end is not part of it, as in the source."""
        return self._texts([encode_pair(self.tokenizer, prompt, answer, end=False) for prompt in prompts])

    def edits(self, edits: Sequence[Edit], *, end: bool) -> list[Text]:
        """Edits' own prompts, each with its target, and with the end token behind it if ``end``.

        Each is computed by itself: its last bits would hang on the others of a batch, and a fold that goes on from its
        middle has other ones at hand.
        """
        pairs = [encode_pair(self.tokenizer, edit.prompt, edit.target, end=end) for edit in edits]
        return [text for pair in pairs for text in self._texts([pair])]

    def prompts(self, prompts: Sequence[str]) -> list[Text]:
        """Prompts without an answer; those without a token are left out."""
        encoded = [encode_prompt(self.tokenizer, prompt) for prompt in prompts]
        return self._texts([(ids, []) for ids in encoded if ids])

    @torch.no_grad()
    def next_tokens(self, texts: Sequence[Text]) -> list[int]:
        """The token that the unedited model says behind each prompt, one text at least."""
        ids = pad_sequence([text.ids for text in texts], batch_first=True)
        hidden = [text.hidden for text in texts if text.hidden is not None]
        last = torch.tensor([text.prompt - 1 for text in texts], device=ids.device)
        at = (torch.arange(len(texts), device=ids.device), last)
        still = texts[0].features.new_zeros(*ids.shape, self.projection.d_model)
        kept = pad_sequence(hidden, batch_first=True) if hidden else None
        tokens: list[int] = self.forward.logits(ids, kept, still, at).argmax(-1).tolist()
        return tokens

    def _texts(self, pairs: Sequence[tuple[list[int], list[int]]]) -> list[Text]:
        device = self.model.get_input_embeddings().weight.device  # type: ignore[operator]
        found: list[Text] = []
        for start in range(0, len(pairs), _TOGETHER):
            some = [(prompt + answer, len(prompt)) for prompt, answer in pairs[start : start + _TOGETHER]]
            ids = pad_sequence([torch.tensor(tokens, device=device) for tokens, _ in some], batch_first=True)
            features, hidden = self.forward.prefix(ids)
            for row, (tokens, prompt) in enumerate(some):
                part = (row, slice(0, len(tokens)))
                kept = None if hidden is None else hidden[part].clone()
                found.append(Text(ids[part].clone(), prompt, features[part].clone(), kept))
        return found


def asked(texts: Sequence[Text]) -> Asked:
    """Texts with answers as one batch."""
    features = pad_sequence([text.features for text in texts], batch_first=True)
    hidden = [text.hidden for text in texts if text.hidden is not None]
    spans = [(row, text.prompt, len(text.ids)) for row, text in enumerate(texts)]
    places = [(row, column) for row, start, end in spans for column in range(start - 1, end - 1)]
    weights = [1 / ((end - start) * len(texts)) for _, start, end in spans for _ in range(start, end)]
    at = torch.tensor(places, device=features.device).T
    positions = torch.arange(features.shape[1], device=features.device)
    prompts = torch.tensor([text.prompt for text in texts], device=features.device)
    return Asked(
        pad_sequence([text.ids for text in texts], batch_first=True),
        features,
        pad_sequence(hidden, batch_first=True) if hidden else None,
        positions < prompts[:, None],
        (at[0], at[1]),
        torch.cat([text.ids[text.prompt :] for text in texts]),
        torch.tensor(weights, device=features.device),
    )
