"""Where a shard's values lie in ΔW."""

from __future__ import annotations

import torch
from torch import Tensor


class Subspace:
    """The entries of ΔW that a shard may change (WISE §2.3.2): no other can, because only these are parameters.

    Args:
        mask: ``(d_ff, d_model)``, bool.
        device: where the values live.

    Attributes:
        shape: (d_ff, d_model).
    """

    def __init__(self, mask: Tensor, device: torch.device) -> None:
        self.shape = (mask.shape[0], mask.shape[1])
        self._places = mask.reshape(-1).nonzero()[:, 0].to(device)

    def delta(self, values: Tensor) -> Tensor:
        """ΔW, ``(d_ff, d_model)``, from its values in the mask, ``(entries,)``; gradients flow back to these alone."""
        flat = torch.zeros(self.shape[0] * self.shape[1], dtype=values.dtype, device=values.device)
        return flat.scatter(0, self._places, values).view(self.shape)

    def __len__(self) -> int:
        """How many entries."""
        return len(self._places)

    def values(self, delta: Tensor) -> Tensor:
        """The entries of a matrix ``(d_ff, d_model)`` that are the shard's, ``(entries,)``, in mask order."""
        return delta.reshape(-1)[self._places]
