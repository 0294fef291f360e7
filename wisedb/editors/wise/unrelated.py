"""What must stay quiet while an edit is written: D_irr (x_i of L_a) and other shards' edits (x_m of L_memo).

Nobody asks these for an answer, so that only A(x) at their tokens is kept, one prompt behind the other and without
padding: their products with ΔW are most of what a step costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from random import Random

import torch
from torch import Tensor

from wisedb.editors.common.frozen import Text
from wisedb.memory.gates.activation import token_squares

_TINY = 1e-12
"""Under the root, so that ΔW = 0 has a gradient: 0."""


class Prompts:
    """Prompts of which only the activation counts.

    Args:
        texts: the prompts, one at least.
    """

    def __init__(self, texts: Sequence[Text]) -> None:
        self._features = torch.cat([text.features[: text.prompt] for text in texts])
        self._lengths = [text.prompt for text in texts]
        self._starts = [0, *accumulate(self._lengths)]

    def __len__(self) -> int:
        return len(self._lengths)

    def activations(self, delta: Tensor, chosen: Sequence[int] | None = None) -> Tensor:
        """Δ_act of the prompts, or of those at some places: the root mean square of their tokens' ‖A(x)·ΔW‖₂.

        It is what :func:`wisedb.memory.gates.activation.activation` gives for a padded batch.

        Args:
            delta: ΔW, (d_ff, d_model); gradients flow back to it.
            chosen: places; None for all.

        Returns:
            float32 (P,).
        """
        places = range(len(self)) if chosen is None else chosen
        device = self._features.device
        lengths = torch.tensor([self._lengths[place] for place in places], device=device)
        tokens = [token for place in places for token in range(self._starts[place], self._starts[place + 1])]
        features = self._features[torch.tensor(tokens, device=device)]
        squares = token_squares(features @ delta.to(features.dtype))
        owner = torch.repeat_interleave(torch.arange(len(lengths), device=device), lengths)
        sums = squares.new_zeros(len(lengths)).index_add(0, owner, squares)
        return (sums / lengths).clamp(min=_TINY).sqrt()

    def sample(self, count: int, chooser: Random) -> list[int]:
        """So many places drawn without repetition, all if there are no more."""
        return chooser.sample(range(len(self)), min(count, len(self)))
