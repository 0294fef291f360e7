"""The training of the editor network, once for a base model (Mitchell et al. 2022, §3.3, Algorithm 1).

    L = c_e · L_e + L_loc
    L_e   = −log P(y_e | x'_e; W̃)
    L_loc = KL(P(· | x_loc; W) ‖ P(· | x_loc; W̃))                        (eq. 5)

W̃ = W + ΔW is the model with one made-up edit, and each edit of a minibatch has a model of its own: rows of one batch,
each with its own ΔW. Gradients flow from L through ΔW into the network; the factors (u, δ) themselves are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from wisedb.editors.common.seeds import seed_of
from wisedb.editors.mend.decompose import Answers, EditedModel, Factors, decompose
from wisedb.editors.mend.made_up import MadeUp
from wisedb.editors.mend.network import EditorNetworks
from wisedb.editors.mend.settings import NetworkSettings
from wisedb.editors.mend.write import answers_of
from wisedb.errors import TrainingFailed
from wisedb.memory.kinds.additive import FactoredDelta
from wisedb.model.base import LoadedBase
from wisedb.model.tokens import context_length, encode_prompt
from wisedb.progress import Listener, Progress

# Made-up edits over which the factors are measured, and on which the first rates are tried.
_MEASURED, _TRIED = 192, 48
# α is a share of the weight: the largest ‖α·∇W‖ / ‖W‖ that is tried, and how often it is halved.
_LARGEST, _HALVINGS = 1.0, 12
# One step of Adam on log α, beside one on the network's weights.
_RATE_FACTOR = 10.0
_AVERAGED = 100


@dataclass(frozen=True, slots=True)
class Outcome:
    """What training came to, the means over its last hundred steps.

    Attributes:
        edit_loss: L_e over x_e and x'_e, in nats a token.
        divergence: L_loc, in nats a token.
    """

    edit_loss: float
    divergence: float


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Made-up edits as rows; the measured rows are those of x_e, of x'_e and of x_loc, in this order.

    Attributes:
        edits: x_e with y_e.
        measured: all that the loss is measured on; its answers are those of x_e and x'_e.
        every: rows and columns of all tokens of x_loc but the last, in ``measured``.
    """

    edits: Answers
    measured: Answers
    every: tuple[Tensor, Tensor]


def train_network(
    base: LoadedBase,
    model: EditedModel,
    made: Sequence[MadeUp],
    settings: NetworkSettings,
    seed: int,
    progress: Listener | None = None,
) -> tuple[EditorNetworks, Outcome]:
    """Train the networks of a model's edited matrices.

    Args:
        base: the base model.
        model: the same, with its edited matrices.
        made: made-up edits, as many as ``network_steps`` minibatches want, or more.
        settings: how.
        seed: of the networks' beginning.
        progress: told after each step.

    Raises:
        TrainingFailed: the loss is no longer a number.
    """
    shapes = {each.name: (each.d_ff, each.d_model) for each in model.projections}
    networks = EditorNetworks.begun(shapes, settings.rank, seed_of(seed, "editor network")).to(base.model.device)
    _measure(base, model, networks, made, settings)
    rates = [network.log_rate for network in networks.networks]
    others = [each for each in networks.parameters() if not any(each is rate for rate in rates)]
    groups = [
        {"params": others, "lr": settings.network_rate},
        {"params": rates, "lr": settings.network_rate * _RATE_FACTOR},
    ]
    optimizer = torch.optim.Adam(groups)
    decay = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / max(1, settings.network_steps))
    heard: list[tuple[float, float]] = []
    for step in range(settings.network_steps):
        first = step * settings.network_minibatch
        some = made[first : first + settings.network_minibatch]
        taught, strayed = losses(model, networks, batch_of(base, some, end=settings.end))
        total = settings.edit_weight * taught + strayed
        if not bool(torch.isfinite(total)):
            raise TrainingFailed("the loss of the editor network is no longer a number", hint="Lower network_rate.")
        found = torch.autograd.grad(total, [*others, *rates])
        for parameter, gradient in zip([*others, *rates], found, strict=True):
            parameter.grad = gradient
        optimizer.step()
        decay.step()
        heard.append((float(taught.detach()), float(strayed.detach())))
        if progress is not None:
            progress(Progress("training the editor network", step + 1, settings.network_steps, heard[-1][0]))
    for network in networks.networks:
        network.requires_grad_(False)
    last = torch.tensor(heard[-_AVERAGED:] or [(0.0, 0.0)]).mean(dim=0)
    return networks, Outcome(float(last[0]), float(last[1]))


def losses(model: EditedModel, networks: EditorNetworks, batch: Batch) -> tuple[Tensor, Tensor]:
    """L_e and L_loc, the means over a minibatch; gradients flow into the networks."""
    factors, _ = decompose(model, batch.edits, _nothing(model))
    changes = [_apart(networks, number, each) for number, each in enumerate(factors)]
    count = len(batch.edits.ids)
    owner = torch.arange(len(batch.measured.ids), device=batch.measured.ids.device) % count
    added = [partial(_own_change, left[owner], right[owner]) for left, right in changes]
    below = model.below(batch.measured.ids)
    at = tuple(torch.cat(pair) for pair in zip(batch.measured.at, batch.every, strict=True))
    logits = model.logits(batch.measured.ids, below, added, (at[0], at[1]))
    answers = len(batch.measured.labels)
    taught = batch.measured.losses(logits[:answers])[: 2 * count].mean()
    with torch.no_grad():
        plain = model.logits(batch.measured.ids, below, [each.product for each in _nothing(model)], batch.every)
    before, after = plain.float().log_softmax(-1), logits[answers:].float().log_softmax(-1)
    return taught, (before.exp() * (before - after)).sum(-1).mean()


def _apart(networks: EditorNetworks, number: int, factors: Factors) -> tuple[Tensor, Tensor]:
    """Each row's ΔW by itself, (B, d_ff, T) and (B, T, d_model): tokens without a gradient have no part in it."""
    left, right = networks.change(number, factors.u, factors.delta)
    return left, right * (factors.delta != 0).any(dim=-1, keepdim=True)


def _own_change(left: Tensor, right: Tensor, features: Tensor) -> Tensor:
    return ((features.float() @ left) @ right).to(features.dtype)


def _nothing(model: EditedModel) -> list[FactoredDelta]:
    device = model.projections[0].module.get_parameter("weight").device
    return [
        FactoredDelta(torch.zeros(each.d_ff, 0, device=device), torch.zeros(0, each.d_model, device=device))
        for each in model.projections
    ]


def batch_of(base: LoadedBase, made: Sequence[MadeUp], *, end: bool) -> Batch:
    """Made-up edits as rows, ``end`` tokens behind their answers or none."""
    pairs = [(each.prompt, each.target) for each in made]
    alike = [(each.alike[0], each.target) for each in made]
    device = base.model.device
    limit = context_length(base.model)
    unrelated = [encode_prompt(base.tokenizer, each.unrelated)[:limit] for each in made]
    edits = answers_of(base.tokenizer, pairs, end, device)
    measured = answers_of(base.tokenizer, [*pairs, *alike], end, device, unrelated)
    first = 2 * len(made)
    places = [(first + row, column) for row, ids in enumerate(unrelated) for column in range(len(ids))]
    rows, columns = torch.tensor(places, device=device).T
    return Batch(edits, measured, (rows, columns))


def _measure(
    base: LoadedBase,
    model: EditedModel,
    networks: EditorNetworks,
    made: Sequence[MadeUp],
    settings: NetworkSettings,
) -> None:
    """Take μ and σ of all factors, and begin with the plain gradient step that does best."""
    seen: list[list[tuple[Tensor, Tensor]]] = [[] for _ in model.projections]
    sizes = torch.zeros(len(model.projections))
    size = settings.network_minibatch
    for first in range(0, min(_MEASURED, len(made)), size):
        batch = batch_of(base, made[first : first + size], end=settings.end)
        for number, each in enumerate(decompose(model, batch.edits, _nothing(model))[0]):
            there = (each.delta != 0).any(dim=-1)
            seen[number].append((each.u[there], each.delta[there]))
            sizes[number] += float((each.u.transpose(1, 2) @ each.delta).square().sum())
    counted = min(_MEASURED, len(made))
    shares = []
    for number, pairs in enumerate(seen):
        networks.measure(number, torch.cat([u for u, _ in pairs]), torch.cat([delta for _, delta in pairs]))
        weight = model.projections[number].module.get_parameter("weight").detach().float()
        shares.append(float(weight.norm()) / max(1e-12, (float(sizes[number]) / counted) ** 0.5))
    best, least = 0, torch.inf
    for halving in range(_HALVINGS):
        networks.set_rates([_LARGEST * share / 2**halving for share in shares])
        total = 0.0
        with torch.no_grad():
            for first in range(0, min(_TRIED, len(made)), size):
                batch = batch_of(base, made[first : first + size], end=settings.end)
                with torch.enable_grad():
                    taught, strayed = losses(model, networks, batch)
                total += float(settings.edit_weight * taught.detach() + strayed.detach())
        if total < least:
            best, least = halving, total
    networks.set_rates([_LARGEST * share / 2**best for share in shares])
