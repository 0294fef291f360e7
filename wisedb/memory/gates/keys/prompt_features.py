"""What the key router sees of sequences."""

from __future__ import annotations

from typing import NamedTuple

import torch


class PromptFeatures(NamedTuple):
    """Some positions of some sequences: a few dozen numbers a token.

    Attributes:
        tokens: whitened tokens, float32 (B, T, p).
        relations: relation keys, not centred, float32 (B, T, r).
        flags: uint8 (B, T): what each token shows of names.
        seen: bool (B, T): the positions that a decision may see.
        ids: int64 (B, T): the tokens' ids, -1 where they aren't known.
    """

    tokens: torch.Tensor
    relations: torch.Tensor
    flags: torch.Tensor
    seen: torch.Tensor
    ids: torch.Tensor
