"""Margins, step size and bounds in the units of the model at hand."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from wisedb.config import Setting
from wisedb.editors.keyed.batches import Rows
from wisedb.editors.keyed.context import PreparedModel
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.memory.gates.activation import token_squares
from wisedb.model.locate import weight_of

# β as a share of ‖A(x)·W_v‖, the norm of what the unedited projection says at a token; α : β : γ as in the source.
_REACH = 1.0
_QUIET = 5 / 20
_APART = 10 / 20
# Of the weights' root mean square: one step of Adam, and the largest entry of ΔW.
_STEP = 0.2
_BOUND = 15.0
# Entries of its mask that a shard has for each of its edits, and the most edits that it takes all the same: the fewer
# share a memory, the better each is carried over to other wordings, and the sooner one is taken out again.
_ENTRIES_PER_EDIT, _FEWEST, _MOST = 800, 20, 500
# ρ is the source's 0.2 where that leaves a shard so many entries, and more in a small model: 20 % of 100,000 weights
# can't hold what 20 % of 45 million can. Never all: shards are subspaces.
_RATIO, _ENTRIES, _WIDEST = 0.2, 100_000, 0.8
# With the weight 20 / β the hinges weigh against −log P what they weigh in the source, where β is 20. Less is better
# here: unrelated prompts are kept by their answers too, so that writing need not pay for a gate that never errs.
_EMPHASIS = 0.5
_SOURCE_BETA = 20.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was measured, and the settings that follow from it.

    Attributes:
        settings: mask_ratio, shard_capacity, alpha, beta, gamma, routing_weight, learning_rate, max_delta.
        activation: root mean square of ‖A(x)·W_v‖₂ over the pool's tokens.
        weight: root mean square of W_v's entries.
        description: the same in one sentence.
    """

    settings: dict[str, Setting]
    activation: float
    weight: float
    description: str


@torch.no_grad()
def calibrate(base: PreparedModel) -> Calibration:
    """Scale WISE's margins to the model's activations.

    The source's α = 5, β = 20, γ = 10, learning rate 1 and |ΔW| ≤ 1 belong to LLaMA-2-7B. Here β is a fixed share of
    the norm of the projection's own output, and steps and bound are fixed shares of its weights.

    Args:
        base: the prepared base model; its pool is what is measured over.
    """
    weight = weight_of(base.projection)
    rows = Rows(base, KeyedSettings(keep=0)).pool()
    squares = [token_squares(row.features @ weight.to(row.features.dtype)) for row in rows]
    activation = float((torch.cat(squares).mean() if squares else weight.float().square().sum(dim=1).mean()).sqrt())
    rms = float(weight.float().square().mean().sqrt())
    beta = _REACH * activation
    ratio = round(min(_WIDEST, max(_RATIO, _ENTRIES / weight.numel())), 2)
    settings: dict[str, Setting] = {
        "mask_ratio": ratio,
        "shard_capacity": min(_MOST, max(_FEWEST, int(ratio * weight.numel() / _ENTRIES_PER_EDIT))),
        "alpha": _rounded(_QUIET * beta),
        "beta": _rounded(beta),
        "gamma": _rounded(_APART * beta),
        "routing_weight": _rounded(_EMPHASIS * _SOURCE_BETA / beta),
        "learning_rate": _rounded(_STEP * rms),
        "max_delta": _rounded(_BOUND * rms),
    }
    description = (
        f"root mean square norm of the projection's output {activation:.4g} over "
        f"{sum(len(square) for square in squares)} tokens of {len(rows)} prompts; of its weights {rms:.4g}"
    )
    return Calibration(settings, activation, rms, description)


def _rounded(value: float) -> float:
    # Four digits: a setting that a person can read, and that another machine's last bit doesn't change.
    return float(f"{value:.4g}")
