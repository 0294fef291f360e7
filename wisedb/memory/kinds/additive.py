"""What kinds share whose change is a ΔW: dense products, and comparisons."""

from __future__ import annotations

from dataclasses import dataclass

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
    def size(self) -> int:
        """Bytes of both factors."""
        return sum(part.numel() * part.element_size() for part in (self.left, self.right))

    def product(self, inputs: Tensor) -> Tensor:
        """A(x)·L·R: (..., d_in) → (..., d_out)."""
        return (inputs @ self.left) @ self.right

    def apply(self, inputs: Tensor, output: Tensor, entry: Tensor) -> Tensor:
        """The output with A(x)·L·R added."""
        return output + self.product(inputs).to(output.dtype)
