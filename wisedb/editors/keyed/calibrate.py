"""Size, step and bound of a shard in the units of the matrix at hand."""

from __future__ import annotations

from torch import Tensor

from wisedb.config import Setting

# Of the weights' root mean square: one step of Adam, and the largest entry of ΔW. Set by hand; no trial of other values
# is on record.
_STEP = 0.2
_BOUND = 15.0
# Entries of its mask that a shard has for each of its edits, and the fewest and most edits that it takes all the same:
# the fewer share a memory, the better each is carried over to other wordings, and the sooner one is taken out again.
# From trial edits of atlas: 125 in a shard of 800 entries an edit had Gen. .98, 1,000 in the same shard .87.
_ENTRIES_PER_EDIT, _FEWEST, _MOST = 800, 20, 500
# ρ is 0.2 as in WISE where that leaves a shard so many entries, and more in a small model: 20 % of 100,000 weights
# can't hold what 20 % of 45 million can. Never all: a merge needs masks that differ.
_RATIO, _ENTRIES, _WIDEST = 0.2, 100_000, 0.8


# A chat model's edits are learned as replies too. When these were a dozen conversations, 40 edits of
# SmolLM2-135M-Instruct were learned by half with the default of 40; steps that aren't needed are not taken.
_CHAT_STEPS = 80


def calibrate(weight: Tensor, *, chat: bool = False) -> dict[str, Setting]:
    """The settings that follow from the model and the matrix that is edited.

    Args:
        weight: W_v, whatever its orientation and dtype.
        chat: whether the model has a chat template.

    Returns:
        mask_ratio, shard_capacity, learning_rate and max_delta; steps of a chat model.
    """
    size = float(weight.detach().float().square().mean().sqrt())
    ratio = round(min(_WIDEST, max(_RATIO, _ENTRIES / weight.numel())), 2)
    found: dict[str, Setting] = {
        "mask_ratio": ratio,
        "shard_capacity": min(_MOST, max(_FEWEST, int(ratio * weight.numel() / _ENTRIES_PER_EDIT))),
        "learning_rate": _rounded(_STEP * size),
        "max_delta": _rounded(_BOUND * size),
    }
    return {**found, "steps": _CHAT_STEPS} if chat else found


def _rounded(value: float) -> float:
    # Four digits: a setting that a person can read, and that another machine's last bit doesn't change.
    return float(f"{value:.4g}")
