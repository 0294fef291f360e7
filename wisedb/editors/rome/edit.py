"""Step 3 of ROME: the rank-one change that stores v* under k* (Meng et al. 2022, §3.1, eq. 2).

    Ŵ = W + Λ (C⁻¹k*)ᵀ,   Λ = (v* − W·k*) / ((C⁻¹k*)ᵀ k*)

minimises ‖ŴK − V‖ over the keys K that C was counted over, subject to Ŵ·k* = v*. In our orientation, W_v (d_ff,
d_model) and ``output + A(x) · ΔW``, the left factor is C⁻¹k* / ((C⁻¹k*)ᵀ k*), and the right one v* − W·k*.

k* is the mean over contexts throughout. The paper's public code divides by the bare prompt's key instead, which
blows single edits up and ruins a model after some of them (Gupta et al. 2024, "Rebuilding ROME").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from wisedb.editors.common.covariance import Solver
from wisedb.editors.common.lowered import lower
from wisedb.editors.common.rewrites import rewrites
from wisedb.editors.rome.compute_u import Key, compute_u
from wisedb.editors.rome.compute_v import Value, compute_v
from wisedb.editors.rome.settings import RomeSettings
from wisedb.edits import Edit
from wisedb.errors import TrainingFailed
from wisedb.memory.kinds.additive import FactoredDelta
from wisedb.model.cached_forward import CachedForward

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """One edit as ROME writes it.

    Attributes:
        change: ΔW of this edit alone, of rank one, float32.
        steps: gradient steps towards v*.
        loss: with v* in the place of the value, in nats. What ΔW does with it depends on each context's key.
    """

    change: FactoredDelta
    steps: int
    loss: float


def write_edit(
    forward: CachedForward,
    tokenizer: PreTrainedTokenizerBase,
    solver: Solver,
    edit: Edit,
    contexts: Sequence[str],
    settings: RomeSettings,
    applied: FactoredDelta | None = None,
) -> Written:
    """Compute one edit on the model as it is with the earlier edits; no weight is changed.

    Deterministic: nothing is drawn. k* doesn't depend on the earlier edits (they act behind the projection's input);
    v* and W·k* do.

    Args:
        forward: the way through the model; its projection is the one that is edited.
        tokenizer: the model's tokenizer.
        solver: of that projection's second moment (:meth:`wisedb.editors.common.covariance.Covariance.solver`).
        edit: what shall be said. Its subject is looked up where the prompt has it, else what the prompt seems to be
            about (:func:`wisedb.model.subjects.likely_subject`); without either the prompt's last token stands for
            the subject's, and there is no KL term.
        contexts: texts before the prompt, of which the settings say how many are taken.
        settings: how.
        applied: the earlier edits' ΔW at the same projection, as one (:func:`wisedb.memory.kinds.additive.stacked`).

    Raises:
        TrainingFailed: the loss is no longer a number, or the key is zero.
    """
    device = next(forward.model.parameters()).device
    contexts = contexts[: settings.contexts]
    rows = rewrites(tokenizer, edit, contexts, end=settings.end, essence=True, device=device)
    below = lower(forward, rows.ids, applied)
    prompts = 1 + len(contexts)
    key = compute_u(below.features[:prompts], rows.lookup[:prompts].to(below.features.device), solver)
    value = compute_v(forward, rows, below, key, settings, applied)
    return Written(rank_one(key, value), value.steps, value.loss)


def rank_one(key: Key, value: Value) -> FactoredDelta:
    """ΔW = u (v* − W·k*)ᵀ / (uᵀk*), as left (d_ff, 1), with k*·left = 1, and right (1, d_model), float32.

    Raises:
        TrainingFailed: uᵀk* is not positive: k* is zero or no number.
    """
    scale = key.u @ key.k
    if not float(scale) > 0:
        raise TrainingFailed("the key of an edit is zero", hint="Choose another layer.")
    left = (key.u / scale)[:, None]
    right = (value.after - value.before)[None]
    return FactoredDelta(left.to(torch.float32), right.to(torch.float32))
