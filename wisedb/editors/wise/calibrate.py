"""The source's settings in the units of the model at hand.

α, β, γ, η, the bound and the edits a shard of the source belong to LLaMA-2-7B. What carries over to another model are
ratios: of the margins to one another, of ΔW's effect to what W_v itself says, of a shard's entries to its edits.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from wisedb.editors.common.frozen import Text
from wisedb.editors.wise.settings import SOURCE_BETA, WiseSettings

# β as a share of ‖A(x)·W_v‖; α : β : γ as in the source.
_REACH, _QUIET, _APART = 1.0, 5 / 20, 10 / 20
# By what share of β the first step of η moves Δ_act where only the hinge of β pulls.
_STEP = 1.5
# The largest entry of |ΔW|, in root mean squares of the weight.
_BOUND = 15.0
# Entries that a shard has for each of its edits in the source: ρ = 0.2 of 11,008 × 4,096, 500 edits. Where ρ of a
# matrix is less than that for one edit, ρ is larger.
_ENTRIES = 18_000
_WIDEST = 0.8
# Fewer steps, since η falls to 0. ε lies between α and β, so that other wordings get in, which are quieter; of .65, .7,
# .75 and .8 it is the largest ratio at which Gen. was .80 on 100 made-up edits of atlas that no table evaluates.
_STEPS, _RATIO = 40, 0.7


@torch.no_grad()
def calibrate(weight: torch.Tensor, pool: list[Text], settings: WiseSettings | None = None) -> WiseSettings:
    """Scale margins, step, bound and shard size to a model.

    Args:
        weight: W_v, (d_ff, d_model).
        pool: unrelated prompts, one at least.
        settings: what isn't measured is taken from here.
    """
    given = settings or WiseSettings(steps=_STEPS, threshold_ratio=_RATIO)
    weight = weight.float()
    features = torch.cat([text.features[: text.prompt].float() for text in pool])
    beta = _REACH * float((features @ weight).square().sum(dim=1).mean().sqrt())
    length = float(features.square().sum(dim=1).mean())
    ratio = min(_WIDEST, max(given.mask_ratio, _ENTRIES / weight.numel()))
    # A step of the β hinge moves Δ_act by η · λ · ρ · ‖a‖², with λ = SOURCE_BETA / β.
    rate = _STEP * beta**2 / (SOURCE_BETA * ratio * length)
    return replace(
        given,
        mask_ratio=_rounded(ratio),
        shard_size=max(1, int(ratio * weight.numel() / _ENTRIES)),
        learning_rate=_rounded(rate),
        max_delta=_rounded(_BOUND * float(weight.square().mean().sqrt())),
        alpha=_rounded(_QUIET * beta),
        beta=_rounded(beta),
        gamma=_rounded(_APART * beta),
    )


def _rounded(value: float) -> float:
    # Four digits: what a person can read, and what another machine's last bit doesn't change.
    return float(f"{value:.4g}")
