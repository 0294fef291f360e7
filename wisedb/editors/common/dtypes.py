"""In which dtype what is learned is stored."""

from __future__ import annotations

import torch

from wisedb.model.locate import Projection, weight_of


def default_dtype(projection: Projection) -> torch.dtype:
    """That of the projection's weight, and float16 for a float32 weight.

    What is learned beside a weight is small and bounded, and the rounding happens while it trains, so that what is
    stored is what was learned.
    """
    weight = weight_of(projection)
    return torch.float16 if weight.dtype == torch.float32 else weight.dtype
