"""Step 2 of ROME: v*, the value that makes the model say the target (Meng et al. 2022, §3.1, eq. 4).

v* = W·k* + δ, and δ is what is optimised (:mod:`wisedb.editors.common.delta`).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from wisedb.editors.common.delta import optimise_delta
from wisedb.editors.common.lowered import Lowered, project
from wisedb.editors.common.rewrites import Rewrites
from wisedb.editors.rome.compute_u import Key
from wisedb.editors.rome.settings import RomeSettings
from wisedb.memory.kinds.additive import FactoredDelta
from wisedb.model.cached_forward import CachedForward
from wisedb.model.locate import Projection


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """What is stored for k*, and what shall be; the projection's bias is in both.

    Attributes:
        before: float64 (d_model,), W·k* with the earlier edits in W.
        after: float64 (d_model,), v*.
        steps: gradient steps that were taken.
        loss: with v*, in nats.
    """

    before: Tensor
    after: Tensor
    steps: int
    loss: float


def compute_v(
    forward: CachedForward,
    rows: Rewrites,
    below: Lowered,
    key: Key,
    settings: RomeSettings,
    applied: FactoredDelta | None = None,
) -> Value:
    """Optimise v* within a ball around W·k*.

    Args:
        forward: the way through the model.
        rows: the edit's rows (:func:`wisedb.editors.common.rewrites.rewrites`).
        below: what lies below the projection for them, the earlier edits' part included.
        key: where the fact is looked up.
        settings: how.
        applied: the earlier edits' ΔW, the same that ``below`` was made with.

    Raises:
        TrainingFailed: the loss is no longer a number.
    """
    before = stored(forward.projection, key.k, applied)
    found = optimise_delta(forward, rows, below, settings)
    return Value(before, before + found.delta.to(before), found.steps, found.loss)


def stored(projection: Projection, key: Tensor, applied: FactoredDelta | None) -> Tensor:
    """W·k and the bias, the earlier edits in W: (d_ff,) → (d_model,), in the dtype of the key."""
    plain = project(projection, key)
    return plain if applied is None else plain + applied.product(key)
