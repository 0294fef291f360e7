"""The loop of WISE: one edit at a time, each some gradient steps in the subspace of its shard (§2.3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from wisedb.editors.common.frozen import Frozen, Text, asked
from wisedb.editors.common.losses import answer_loss
from wisedb.editors.common.seeds import seed_of
from wisedb.editors.common.subspace import Subspace
from wisedb.editors.wise.contexts import neighbours, other_questions, views
from wisedb.editors.wise.losses import Margins, memo_loss, routing_loss
from wisedb.editors.wise.settings import WiseSettings
from wisedb.editors.wise.threshold import threshold
from wisedb.editors.wise.unrelated import Prompts
from wisedb.errors import TrainingFailed
from wisedb.memory.gates.activation import activation

if TYPE_CHECKING:
    from wisedb.edits import Edit


class Material(NamedTuple):
    """What all shards of a model are trained with.

    Attributes:
        frozen: the untouched model.
        pool: D_irr as texts, from which the names of made-up subjects are taken too.
        quiet: the same, computed.
        contexts: generated prefixes.
    """

    frozen: Frozen
    pool: tuple[str, ...]
    quiet: Prompts
    contexts: tuple[str, ...]

    @classmethod
    def of(cls, frozen: Frozen, prompts: Sequence[str], contexts: Sequence[str]) -> Material:
        """Compute the pool's prompts, one at least with a token in it."""
        return cls(frozen, tuple(prompts), Prompts(frozen.prompts(prompts)), tuple(contexts))


class Trained(NamedTuple):
    """A shard behind its stream.

    Attributes:
        values: ΔW at the mask's entries, row-major, (entries,), in the dtype that is stored.
        threshold: ε, in units of Δ_act.
    """

    values: Tensor
    threshold: float


def train_stream(
    material: Material,
    settings: WiseSettings,
    seed: int,
    mask: Tensor,
    start: Tensor | None,
    edits: Sequence[tuple[Edit, Sequence[Edit]]],
    held: Sequence[Edit] = (),
    told: Callable[[int, float], None] | None = None,
) -> Trained:
    """Write edits into one shard, one after the other.

    A pure function of its arguments on one machine. An edit's random choices come from the seed and its id, and after
    each edit ΔW is rounded to the dtype that is stored, so that a stream in two parts gives what it gives at once.

    Args:
        material: the model and what is unrelated.
        settings: how.
        seed: where every random choice comes from.
        mask: bool (d_ff, d_model).
        start: the shard's values so far, (entries,); None for W_v' = W_v.
        edits: the new edits, each with the edits of other shards that are replayed (x_m) while it is written.
        held: the edits that the shard holds so far; ε is measured over them too.
        told: is called with how many edits are written, and the last loss.

    Raises:
        TrainingFailed: a value is no longer a number, or ``start`` doesn't fit the mask.
    """
    frozen = material.frozen
    subspace = Subspace(mask, frozen.device)
    if start is not None and start.shape != (len(subspace),):
        raise TrainingFailed(
            f"{tuple(start.shape)} values under a mask of {len(subspace)} entries", hint="Run `wisedb fsck`."
        )
    values = torch.zeros(len(subspace), dtype=frozen.stored_dtype) if start is None else start
    values = values.to(frozen.device, frozen.stored_dtype)
    for number, (edit, replay) in enumerate(edits):
        trained, loss = train_edit(material, settings, seed, subspace, values.float(), edit, replay)
        values = trained.to(frozen.stored_dtype)
        if told is not None:
            told(number + 1, loss)
    prompts = [edit.prompt for edit in (*held, *(edit for edit, _ in edits))]
    with torch.no_grad():
        own = Prompts(frozen.prompts(prompts)).activations(subspace.delta(values.float()))
    return Trained(values, threshold(own, settings.threshold_ratio))


def train_edit(
    material: Material,
    settings: WiseSettings,
    seed: int,
    subspace: Subspace,
    values: Tensor,
    edit: Edit,
    replay: Sequence[Edit] = (),
) -> tuple[Tensor, float]:
    """Minimise L_edit + L_memo for one edit by SGD: W_v' ← W_v' − η · M ⊙ ∇L, |ΔW| ≤ the bound.

    η falls to 0 over the steps. The source keeps it constant; but a hinge's gradient is as long for a prompt that is a
    hair too loud as for a loud one: with a constant step the activations would stay as uneven as a step is long.

    Returns:
        the new values (entries,), and the last loss.

    Raises:
        TrainingFailed: a value is no longer a number.
    """
    frozen, chooser = material.frozen, Random(seed_of(seed, "steps", edit.id))
    margins = Margins(settings.alpha, settings.beta, settings.gamma)
    batch = asked(frozen.questions(views(edit, material.contexts[: settings.contexts]), edit.target))
    near = _near(material, edit, settings.neighbours, chooser)
    beside = Prompts(near) if near else None
    past = Prompts(frozen.prompts([other.prompt for other in replay])) if replay else None
    drawn = settings.irrelevant - len(near)
    values = values.clone().requires_grad_()
    loss = values.new_zeros(())
    for step in range(settings.steps):
        delta = subspace.delta(values)
        change = batch.features @ delta.to(batch.features.dtype)
        logits = frozen.forward.logits(batch.ids, batch.hidden, change, batch.at)
        written = answer_loss(logits, batch.labels.to(logits.device), batch.weights.to(logits.device))
        quiet = [material.quiet.activations(delta, material.quiet.sample(drawn, chooser))]
        if beside is not None:
            quiet.append(beside.activations(delta))
        routed = routing_loss(activation(change, batch.prompt), torch.cat(quiet), margins)
        if past is not None:
            routed = routed + memo_loss(past.activations(delta, past.sample(settings.replay, chooser)), margins)
        loss = written.to(routed.device) + settings.routing_weight * routed
        (gradient,) = torch.autograd.grad(loss, [values])
        rate = settings.learning_rate * (1 - step / settings.steps)
        with torch.no_grad():
            values.sub_(gradient, alpha=rate).clamp_(-settings.max_delta, settings.max_delta)
    values = values.detach()
    if not bool(torch.isfinite(values).all()):
        raise TrainingFailed(
            f"the loss of {edit.prompt!r} is not a number", hint="Lower learning_rate, or load the model in float32."
        )
    return values, float(loss.detach())


@torch.no_grad()
def _near(material: Material, edit: Edit, count: int, chooser: Random) -> list[Text]:
    """The unrelated prompts that are nearest to an edit: about another subject, and about its own."""
    frozen = material.frozen
    others = frozen.prompts(other_questions(edit, material.pool, count, chooser))
    own, *answers = frozen.next_tokens([*frozen.prompts([edit.prompt]), *others])
    apart = [text for text, answer in zip(others, answers, strict=True) if answer != own]
    return [*frozen.prompts(neighbours(edit, material.pool, count, chooser)), *apart]
