"""What ends an answer beside its end token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from transformers import StoppingCriteria

from wisedb.serving.exact_match import may_become

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class LineEnd(StoppingCriteria):  # type: ignore[misc]
    """Stops each row at the end of its first line that is not blank.

    Args:
        tokenizer: the model's tokenizer.
        start: how many tokens stand in front of the answers, padding included.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, start: int) -> None:
        self._tokenizer = tokenizer
        self._start = start

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        """Which rows of int64 (B, T) have ended, bool (B,)."""
        texts = self._tokenizer.batch_decode(input_ids[:, self._start :].tolist(), skip_special_tokens=True)
        return torch.tensor(["\n" in text.lstrip() for text in texts], device=input_ids.device)


class Strayed(StoppingCriteria):  # type: ignore[misc]
    """Stops each row that can't become the answer any more that is asked for.

    Args:
        tokenizer: the model's tokenizer.
        start: how many tokens stand in front of the answers, padding included.
        expected: of each row the answer.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, start: int, expected: Sequence[str]) -> None:
        self._tokenizer, self._start, self._expected = tokenizer, start, expected

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        """Which rows of int64 (B, T) have ended, bool (B,)."""
        texts = self._tokenizer.batch_decode(input_ids[:, self._start :].tolist(), skip_special_tokens=True)
        gone = [not may_become(text, answer) for text, answer in zip(texts, self._expected, strict=True)]
        return torch.tensor(gone, device=input_ids.device)


class Stop(StoppingCriteria):  # type: ignore[misc]
    """Stops all rows once somebody wants it.

    Attributes:
        wanted: whether somebody does; may be set from anywhere while ``generate`` runs.
    """

    def __init__(self) -> None:
        self.wanted = False

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        """Which rows of int64 (B, T) have ended, bool (B,): all or none."""
        return torch.full((input_ids.shape[0],), self.wanted, device=input_ids.device)
