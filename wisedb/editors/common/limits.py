"""What a model's positions hold: prompt and answer must fit together, or nothing is trained."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from torch import nn

from wisedb.edits import Edit
from wisedb.errors import TrainingFailed
from wisedb.model.tokens import context_length, encode_pair

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def ensure_fits_model(model: nn.Module, tokenizer: PreTrainedTokenizerBase, edits: Iterable[Edit]) -> None:
    """Refuse edits that the model can't read to their end, before anything is trained.

    A passage of which only the beginning was learned would break off in the middle, and nobody would be told.

    Args:
        model: whose positions count.
        tokenizer: its tokenizer.
        edits: those that are to be trained.

    Raises:
        TrainingFailed: prompt, target and end token of one are more than the model's positions.
    """
    limit = context_length(model)
    for edit in edits if limit is not None else ():
        prompt, answer = encode_pair(tokenizer, edit.prompt, edit.target, end=True)
        ensure_fits(edit.prompt, len(prompt), len(answer), limit)


def ensure_fits(prompt: str, tokens: int, answer: int, limit: int | None) -> None:
    """The same for one edit whose lengths are known; ``answer`` counts the end token if it has one."""
    if limit is not None and tokens + answer > limit:
        raise TrainingFailed(
            f"the prompt {prompt[:60]!r} has {tokens} tokens and its target {answer}, and the model reads {limit}",
            hint="Shorten its target or its prompt, or split the target over several edits.",
        )
