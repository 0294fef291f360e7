"""A change of the weight for all edits that needs no gate: it says them, and leaves the rest as it was.

A shard is trained to be asked where it is meant, and says what it likes elsewhere. In a plain checkpoint nothing asks
first, so that the change is fitted anew: the edits' loss, of those alone that are not likeliest by a margin yet, plus
the Kullback-Leibler divergence from the unedited model over text of its own. Steps are taken where that text is not:
ΔW = R·Θ, with R the root of the inverse second moment of its A(x) (:mod:`wisedb.editors.keyed.preconditioner`), a
softened form of the null space of AlphaEdit (Fang et al., ICLR 2025, arXiv 2410.02355).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from random import Random

import torch
from torch import Tensor

from wisedb.editors.common.losses import answer_loss
from wisedb.editors.common.own_texts import own_texts
from wisedb.editors.common.seeds import seed_of
from wisedb.editors.common.sequences import Encoded, Minibatch, cached, collate
from wisedb.editors.keyed.context import TrainingContext
from wisedb.editors.keyed.losses import logit_margin
from wisedb.editors.keyed.preconditioner import Preconditioner
from wisedb.editors.keyed.repetition import SpacedRepetition
from wisedb.editors.keyed.sampler import merging_set, other_prompt
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.edits import Edit
from wisedb.errors import TrainingFailed
from wisedb.model.locate import weight_of
from wisedb.progress import Counter, Listener

# Chosen by trials on 100 edits of atlas (501 to 600 of its stream) and half of its facts, see the benchmarks page.
_TEXTS = 4096
_TEXTS_A_STEP = 64
_WEIGHT = 20.0
_MARGIN = 1.5
# One step of Adam, as a share of the weights' root mean square.
_RATE = 0.08
# However few the edits are, the steps of so many minibatches of them: what they upset has to be mended.
_ROUNDS = 4.0
# Texts for each step, at most: no more than are seen twice.
_TEXTS_FOR_STEP = 32
# Texts whose activations R is made of: a few tokens more than it looks at.
_MEASURED = 256


def fit_always_on(
    context: TrainingContext,
    settings: KeyedSettings,
    seed: int,
    edits: Sequence[Edit],
    progress: Listener | None = None,
) -> Tensor:
    """Fit one ΔW, on at every token, to all edits and to the model's own text.

    Args:
        context: the base model made ready.
        settings: contexts, paraphrases, steps, minibatch and end count here.
        seed: every random choice comes from it and from the edits' ids.
        edits: all that are in force.
        progress: told after each step.

    Returns:
        ``(d_ff, d_model)``, float32, on the CPU.

    Raises:
        TrainingFailed: a value is no longer a number, or a prompt is longer than the model reads.
    """
    weight = weight_of(context.projection)
    chooser = Random(seed_of(seed, "always on", *(edit.id for edit in edits)))
    data = merging_set(context, settings, edits, chooser)
    due = SpacedRepetition(len(data), settings.minibatch, chooser)
    steps = ceil(settings.steps * max(_ROUNDS, len(data) / due.size))
    count, drawn = min(_TEXTS, _TEXTS_FOR_STEP * steps), chooser.getrandbits(31)
    texts = [
        Encoded(ids, start) for ids, start in own_texts(context.model, context.tokenizer, context.pool, count, drawn)
    ]
    change = _Change(context, texts[:_MEASURED])
    size = float(weight.detach().float().square().mean().sqrt())
    optimizer = torch.optim.Adam([change.theta], lr=_RATE * size)
    decay = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    counter = Counter(progress, "merging", steps)
    turns = _turns(texts, chooser)
    for step in range(steps):
        numbers = due.next()
        own = [chooser.random() < 0.5 for _ in numbers]
        rows = [
            data.encoded(edit, 0 if bare else other_prompt(data, edit, chooser))
            for edit, bare in zip(numbers, own, strict=True)
        ]
        matrix = change.matrix()
        loss, correct = _taught(context, rows, matrix)
        loss = loss + _WEIGHT * _strayed(context, next(turns), matrix) if texts else loss
        (change.theta.grad,) = torch.autograd.grad(loss, [change.theta])
        optimizer.step()
        decay.step()
        for edit, good in zip(numbers, correct, strict=True):
            due.update(edit, step, correct=good)
        counter.add(1)
    fitted = change.matrix().detach()
    if not bool(torch.isfinite(fitted).all()):
        raise TrainingFailed("a value of the merge is not a number", hint="Load the model in float32.")
    return fitted.float().cpu()


class _Change:
    """ΔW = R·Θ, R scaled so that a step on Θ is as large as one on ΔW on the whole.

    Args:
        context: the base model made ready.
        texts: what R is measured on; without any it is 1.
    """

    def __init__(self, context: TrainingContext, texts: Sequence[Encoded]) -> None:
        shape = (context.projection.d_ff, context.projection.d_model)
        self.theta = torch.zeros(shape, device=context.device, requires_grad=True)
        self._root: Preconditioner | None = None
        if texts:
            self._root = Preconditioner(torch.cat([each.features for each in cached(context.forward, texts)]))
            probe = torch.randn(shape[0], 64, generator=torch.Generator().manual_seed(0)).to(context.device)
            self._scale = float(probe.norm() / self._root(probe).norm())

    def matrix(self) -> Tensor:
        """``(d_ff, d_model)``; gradients flow back to Θ."""
        return self.theta if self._root is None else self._root(self.theta) * self._scale


def _turns(texts: Sequence[Encoded], chooser: Random) -> Iterator[list[Encoded]]:
    """Some texts a step; each once before any comes again."""
    order: list[int] = []
    while texts:
        while len(order) < min(_TEXTS_A_STEP, len(texts)):
            order += chooser.sample(range(len(texts)), len(texts))
        yield [texts[number] for number in order[:_TEXTS_A_STEP]]
        order = order[_TEXTS_A_STEP:]


def _everywhere(context: TrainingContext, rows: Sequence[Encoded]) -> Minibatch:
    # ΔW acts on a prompt too, also where in a chat a memory waits for its last token.
    (minibatch,) = collate(cached(context.forward, [Encoded(row.ids, row.prompt) for row in rows]))
    return minibatch


def _logits(context: TrainingContext, minibatch: Minibatch, matrix: Tensor) -> Tensor:
    change = minibatch.features @ matrix.to(minibatch.features.dtype)
    return context.forward.logits(minibatch.ids, minibatch.hidden, change, minibatch.at)


def _taught(context: TrainingContext, rows: Sequence[Encoded], matrix: Tensor) -> tuple[Tensor, list[bool]]:
    """−log P of the answers' tokens that don't lead by the margin yet, and which answers are correct."""
    minibatch = _everywhere(context, rows)
    logits = _logits(context, minibatch, matrix)
    labels, weights = minibatch.labels.to(logits.device), minibatch.weights.to(logits.device)
    margins = logit_margin(logits.detach().clone(), labels)
    return answer_loss(logits, labels, weights * (margins < _MARGIN)), (minibatch.least(margins) > 0).tolist()


def _strayed(context: TrainingContext, rows: Sequence[Encoded], matrix: Tensor) -> Tensor:
    """KL(unedited ‖ edited), the mean over the tokens of the model's own texts, in nats."""
    minibatch = _everywhere(context, rows)
    with torch.no_grad():
        before = _logits(context, minibatch, torch.zeros_like(matrix)).float().log_softmax(-1)
    after = _logits(context, minibatch, matrix).float().log_softmax(-1)
    return (before.exp() * (before - after)).sum(-1).mean()
