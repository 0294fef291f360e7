"""The settings of WISE, each with its symbol in the paper."""

from __future__ import annotations

from dataclasses import dataclass

from wisedb.errors import UnknownSetting

SOURCE_BETA = 20.0
"""β of the source (appendix, LLaMA-2-7B), where L_a weighs as much as −log P."""


@dataclass(frozen=True, slots=True)
class WiseSettings:
    """How WISE writes edits. Defaults are the source's for LLaMA-2-7B; ``calibrate`` scales them to a model.

    α, β and γ are in units of Δ_act, η and ``max_delta`` in units of the weight.

    Attributes:
        target: the FFN projection W_v that is edited, by its path in the model; empty before the model is known.
        mask_ratio: ρ, the share of W_v's entries that a shard may change.
        shard_size: edits that share a shard; the source splits T edits over k shards, so that this is T / k.
        steps: gradient steps an edit.
        learning_rate: η of SGD.
        max_delta: no entry of |ΔW| gets larger.
        alpha: α, what Δ_act of an unrelated prompt shall stay under.
        beta: β, what Δ_act of an edit prompt shall reach.
        gamma: γ, how far the two shall lie apart.
        contexts: generated prefixes behind which an edit is trained too.
        irrelevant: unrelated prompts x_i a step. One in five is the edit's own prompt about a made-up subject, the
            others come from the pool.
        replay: prompts x_m of other shards' edits a step (L_memo); 0 leaves it out.
        threshold_ratio: what the smallest activation of a shard's own edits is multiplied with to give ε.
        density: TIES keeps this share of each shard's entries where shards are merged.
    """

    target: str = ""
    mask_ratio: float = 0.2
    shard_size: int = 500
    steps: int = 70
    learning_rate: float = 1.0
    max_delta: float = 1.0
    alpha: float = 5.0
    beta: float = 20.0
    gamma: float = 10.0
    contexts: int = 10
    irrelevant: int = 80
    replay: int = 32
    threshold_ratio: float = 1.0
    density: float = 0.53

    def __post_init__(self) -> None:
        if not 0 < self.mask_ratio <= 1:
            raise UnknownSetting("mask_ratio must lie in (0, 1]", hint="Give a share, such as mask_ratio=0.2.")
        for name in ("shard_size", "steps", "irrelevant"):
            if getattr(self, name) < 1:
                raise UnknownSetting(f"{name} must be at least 1", hint=f"Leave {name} out to take the default.")
        for name in ("learning_rate", "max_delta", "beta", "threshold_ratio"):
            if not getattr(self, name) > 0:
                raise UnknownSetting(f"{name} must be larger than 0", hint=f"Leave {name} out to take the default.")
        if not 0 < self.density <= 1:
            raise UnknownSetting("density must lie in (0, 1]", hint="Give a share, such as density=0.53.")
        for name in ("alpha", "gamma", "contexts", "replay"):
            if getattr(self, name) < 0:
                raise UnknownSetting(f"{name} must not be negative", hint="Give 0 to switch it off.")

    @property
    def routing_weight(self) -> float:
        """What L_a is multiplied with, so that its hinges weigh against −log P what they weigh in the source."""
        return SOURCE_BETA / self.beta

    @property
    def neighbours(self) -> int:
        """How many of the unrelated prompts of a step are about made-up subjects."""
        return self.irrelevant // 5
