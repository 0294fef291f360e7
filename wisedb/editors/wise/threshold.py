"""ε, the activation from which on a shard answers (§2.3.1): the smallest Δ_act of its own edits."""

from __future__ import annotations

from torch import Tensor


def threshold(own: Tensor, ratio: float) -> float:
    """ε = ratio · min over the shard's edits of Δ_act(x_e).

    Args:
        own: Δ_act of each edit's bare prompt under the finished ΔW, float32 (E,), one at least. Measured at the end and
            not when the edit was written: later edits of the shard move the activations of earlier ones.
        ratio: 1 lets in what is as loud as the quietest edit; less lets other wordings in, which are quieter.
    """
    return float(own.min()) * ratio
