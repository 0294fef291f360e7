"""Lifelong normalisation: the mean and variance of all features seen so far (Gu et al. 2025, §3, "lifelong")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Of rows of features.

    Attributes:
        count: rows so far.
        mean: float64 (d,).
        spread: float64 (d,), the sum of squared distances from the mean.
    """

    count: int
    mean: Tensor
    spread: Tensor

    @classmethod
    def none(cls, width: int, device: torch.device | None = None) -> Self:
        """Of no rows."""
        nothing = torch.zeros(width, dtype=torch.float64, device=device)
        return cls(0, nothing, nothing)

    def with_rows(self, rows: Tensor) -> Self:
        """With more rows, (n, d): Chan, Golub and LeVeque's update of mean and variance.

        The source's public code adds n·var with the divisor n − 1 there, which is no number for one row.
        """
        if not len(rows):
            return self
        rows = rows.to(self.mean)
        count = self.count + len(rows)
        own = rows.mean(dim=0)
        step = own - self.mean
        spread = self.spread + (rows - own).square().sum(dim=0) + step.square() * (self.count * len(rows) / count)
        return type(self)(count, self.mean + step * (len(rows) / count), spread)

    def normalised(self, rows: Tensor) -> Tensor:
        """(x − μ) / σ, float64 (n, d); where nothing varies, 0."""
        deviation = (self.spread / max(self.count - 1, 1)).sqrt()
        centred = rows.to(self.mean) - self.mean
        return torch.where(deviation > 0, centred / deviation.clamp(min=torch.finfo(torch.float64).tiny), 0.0)

    def square(self) -> Tensor:
        """E x², float64 (d,)."""
        return self.mean.square() + self.spread / max(self.count, 1)
