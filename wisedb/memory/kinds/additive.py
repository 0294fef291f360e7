"""What kinds share whose change is a ΔW: dense products, and comparisons."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class DenseDelta:
    """ΔW as one matrix.

    Attributes:
        matrix: (d_in, d_out).
    """

    matrix: Tensor

    @property
    def size(self) -> int:
        """Bytes of the matrix."""
        return self.matrix.numel() * self.matrix.element_size()

    def product(self, inputs: Tensor) -> Tensor:
        """A(x)·ΔW: (..., d_in) → (..., d_out)."""
        return inputs @ self.matrix

    def apply(self, inputs: Tensor, output: Tensor, entry: Tensor) -> Tensor:
        """The output with A(x)·ΔW added."""
        return output + self.product(inputs).to(output.dtype)


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class FactoredDelta:
    """ΔW as a product of two factors.

    Attributes:
        left: (d_in, r).
        right: (r, d_out).
    """

    left: Tensor
    right: Tensor

    @property
    def rank(self) -> int:
        """r."""
        return self.left.shape[1]

    def beside(self, other: FactoredDelta) -> FactoredDelta:
        """The sum of both, its rank the sum of theirs."""
        return FactoredDelta(torch.cat([self.left, other.left], dim=1), torch.cat([self.right, other.right]))

    def dense(self) -> Tensor:
        """L·R, (d_in, d_out)."""
        return self.left @ self.right

    @property
    def size(self) -> int:
        """Bytes of both factors."""
        return sum(part.numel() * part.element_size() for part in (self.left, self.right))

    def product(self, inputs: Tensor) -> Tensor:
        """A(x)·L·R: (..., d_in) → (..., d_out), in the dtype and on the device of A(x)."""
        return (inputs @ self.left.to(inputs)) @ self.right.to(inputs)

    def apply(self, inputs: Tensor, output: Tensor, entry: Tensor) -> Tensor:
        """The output with A(x)·L·R added."""
        return output + self.product(inputs).to(output.dtype)


def stacked(changes: Iterable[FactoredDelta]) -> FactoredDelta | None:
    """The sum of several changes as one, its rank the sum of theirs; None for no changes."""
    each = list(changes)
    if not each:
        return None
    return FactoredDelta(torch.cat([one.left for one in each], dim=1), torch.cat([one.right for one in each]))
