"""A batch of facts spread over several layers (Meng et al. 2023, "Mass-Editing Memory in a Transformer", algorithm 1).

For each fact i of the batch, z_i = h_i + δ_i is what the residual stream behind the last edited layer L shall hold at
the subject's last token (:mod:`wisedb.editors.common.delta`). Then, layer by layer from the lowest,

    k_i = 1/N Σ_j A_l(x_j + p_i)          the key at layer l, with the layers below it already changed   (eq. 19)
    r_i = (z_i − h_i) / (L − l + 1)       what is left of the way, spread over the layers to come        (eq. 20)

and a closed form stores r_i under k_i. Which one tells MEMIT and AlphaEdit apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from wisedb.editors.common.delta import optimise_delta
from wisedb.editors.common.layered_settings import LayeredSettings
from wisedb.editors.common.lowered import lower
from wisedb.editors.common.rewrites import Rewrites, rewrites
from wisedb.editors.common.standing import standing
from wisedb.edits import Edit
from wisedb.memory.kinds.additive import FactoredDelta
from wisedb.model.cached_forward import CachedForward

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Store = Callable[[str, FactoredDelta, Tensor, Tensor], FactoredDelta]
"""Stores residuals under keys at one module, in closed form.

Takes the module's path, its ΔW so far, the keys K float64 (d_ff, n) and the residuals R float64 (n, d_model), in the
order of the batch; gives the module's ΔW with them, float32.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """One fact of a batch.

    Attributes:
        rows: its prompt bare and behind contexts.
        z: float64 (d_model,), what the residual stream behind layer L shall hold at the subject's last token.
    """

    rows: Rewrites
    z: Tensor


def write_batch(
    forwards: Sequence[CachedForward],
    tokenizer: PreTrainedTokenizerBase,
    edits: Sequence[Edit],
    contexts: Sequence[str],
    settings: LayeredSettings,
    changes: Mapping[str, FactoredDelta],
    store: Store,
    wanted: Callable[[float], None] | None = None,
) -> dict[str, FactoredDelta]:
    """ΔW of each module with a batch of edits, computed on the model as it is with ``changes``; no weight is changed.

    Args:
        forwards: the way through the model past each edited projection, the lowest layer first.
        tokenizer: the model's tokenizer.
        edits: what shall be said. Subjects are looked up as ROME does.
        contexts: texts before the prompts, of which the settings say how many are taken.
        settings: how.
        changes: ΔW so far, by module, float32 on the module's device.
        store: the closed form.
        wanted: is told each edit's loss with its z, in nats.

    Raises:
        TrainingFailed: a loss is no longer a number.
    """
    found = dict(changes)
    facts = []
    with _standing(forwards, found):
        for edit in edits:
            fact, loss = compute_z(forwards[-1], tokenizer, edit, contexts[: settings.contexts], settings)
            facts.append(fact)
            if wanted is not None:
                wanted(loss)
    for place, forward in enumerate(forwards):
        module = forward.projection.name
        with _standing(forwards, found):
            keys = torch.stack([key_at(forward, fact.rows) for fact in facts], dim=1)
            left = torch.stack([fact.z - stream_at(forwards[-1], fact.rows) for fact in facts])
        # The layers of a model may lie on several devices.
        device = found[module].left.device
        found[module] = store(module, found[module], keys.to(device), left.to(device) / (len(forwards) - place))
    return found


def compute_z(
    forward: CachedForward,
    tokenizer: PreTrainedTokenizerBase,
    edit: Edit,
    contexts: Sequence[str],
    settings: LayeredSettings,
) -> tuple[Wanted, float]:
    """z of one edit (Meng et al. 2023, eq. 16), and the loss with it, in nats."""
    device = next(forward.model.parameters()).device
    rows = rewrites(tokenizer, edit, contexts, end=settings.end, essence=True, device=device)
    below = lower(forward, rows.ids)
    optimised = optimise_delta(forward, rows, below, settings)
    stream = below.stream[0, int(rows.lookup[0])].double()
    return Wanted(rows, stream + optimised.delta.to(stream)), optimised.loss


@torch.no_grad()
def key_at(forward: CachedForward, rows: Rewrites) -> Tensor:
    """k of one edit: the mean of what enters the projection at the lookup positions, float64 (d_ff,)."""
    prompts = _prompts(rows)
    features, _ = forward.prefix(rows.ids[:prompts])
    return features[torch.arange(prompts, device=features.device), rows.lookup[:prompts]].double().mean(dim=0)


@torch.no_grad()
def stream_at(forward: CachedForward, rows: Rewrites) -> Tensor:
    """h of one edit: the residual stream behind the block, at the bare prompt's lookup position, float64 (d_model,)."""
    return lower(forward, rows.ids[:1]).stream[0, int(rows.lookup[0])].double()


def _prompts(rows: Rewrites) -> int:
    return len(rows.ids) - (rows.essence is not None)


def _standing(forwards: Sequence[CachedForward], changes: Mapping[str, FactoredDelta]) -> AbstractContextManager[None]:
    return standing({forward.projection.module: changes[forward.projection.name] for forward in forwards})
