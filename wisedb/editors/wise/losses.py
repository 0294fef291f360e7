"""The losses of WISE, written as the paper writes them (§2.3.1, §2.3.2 and appendix B.3).

    L_edit = −log P(y_e | x_e) + L_a
    L_a    = max(0, Δ(x_i) − α) + max(0, β − Δ(x_e)) + max(0, γ − (Δ(x_e) − Δ(x_i)))
    L_a'   = L_a + L_memo,  L_memo = max(0, Δ(x_m) − α)

Δ is Δ_act, x_e an edit prompt, x_i an unrelated one, x_m the prompt of an edit that another shard holds.

The paper leaves open how a hinge runs over several prompts. Here it is the mean over those that violate it: over all
prompts, the few loud ones among many quiet ones would have next to no gradient, and the gate would let them through.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import relu


@dataclass(frozen=True, slots=True)
class Margins:
    """α, β and γ, in units of Δ_act."""

    alpha: float
    beta: float
    gamma: float


def hinge(excess: Tensor) -> Tensor:
    """max(0, excess), its mean over the entries above 0; 0 where there is none. Any shape, an empty one too."""
    violated = relu(excess)
    return violated.sum() / (violated > 0).sum().clamp(min=1)


def routing_loss(edit: Tensor, irrelevant: Tensor, margins: Margins) -> Tensor:
    """L_a; its third hinge runs over all pairs.

    Args:
        edit: Δ_act of the edit's prompt, bare and behind each context, float32 (E,).
        irrelevant: Δ_act of unrelated prompts, float32 (I,).
        margins: α, β, γ.
    """
    quiet = hinge(irrelevant - margins.alpha)
    loud = hinge(margins.beta - edit)
    apart = hinge(margins.gamma - (edit[:, None] - irrelevant[None, :]))
    return quiet + loud + apart


def memo_loss(replay: Tensor, margins: Margins) -> Tensor:
    """L_memo, over the prompts of other shards' edits, float32 (M,); 0 where there are none."""
    return hinge(replay - margins.alpha)
