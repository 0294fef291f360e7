"""One edit written into one shard: the inner loop of WISE."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import torch
from torch import Tensor

from wisedb.editors.common.subspace import Subspace
from wisedb.editors.keyed.batches import Batch, Prompts, Row, Rows, collate, collate_prompts
from wisedb.editors.keyed.context import PreparedModel
from wisedb.editors.keyed.losses import Margins, answer_loss, lead, memo_loss, routing_loss
from wisedb.editors.keyed.optimiser import SLACK, Outcome, change_of, finite, optimise
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.editors.keyed.sharding import seed_of
from wisedb.editors.streams import StreamItem
from wisedb.edits import Edit
from wisedb.memory.gates.activation import activation

# Of a large pool, so many prompts stand for all while one edit is written.
_EXAMINED = 200


class Writer:
    """Writes edits into ΔW under one mask.

    Args:
        base: the prepared base model.
        config: how.
        seed: every random choice comes from it and from the edit's id.
        mask: ``(d_ff, d_model)``, bool.
    """

    def __init__(self, base: PreparedModel, config: KeyedSettings, seed: int, mask: Tensor) -> None:
        self.rows = Rows(base, config)
        self._base = base
        self._config = config
        self._seed = seed
        self._margins = Margins(config.alpha, config.beta, config.gamma)
        self._subspace = Subspace(mask, base.device)

    def delta(self, values: Tensor) -> Tensor:
        """ΔW, see :meth:`Subspace.delta`."""
        return self._subspace.delta(values)

    def activations(self, prompts: Prompts | None, delta: Tensor) -> Tensor:
        """Δ_act of each prompt, ``(B,)``."""
        if prompts is None:
            return delta.new_zeros(0)
        return activation(change_of(prompts, delta), prompts.prompt)

    def write(self, values: Tensor, item: StreamItem, earlier: Sequence[Edit]) -> tuple[Tensor, Outcome]:
        """Train ``values`` until they say ``item`` and still say ``earlier``.

        Args:
            values: ΔW at the mask's entries, ``(entries,)``, float32.
            item: the edit, and the replay prompts that must stay quiet.
            earlier: the shard's edits so far, for rehearsal.

        Returns:
            The new values, float32, and how it went.

        Raises:
            TrainingFailed: a value is no longer a number.
        """
        config = self._config
        lesson = _Material(self.rows, item, earlier if config.rehearsal else (), config, self._seed)
        values = values.clone().requires_grad_()
        outcome = Outcome(0, None, learned=False, said=False)
        for _ in range(config.attempts):
            outcome = self._attempt(lesson, values, outcome)
            if outcome.said:
                break
        values = values.detach()
        finite(values, item.edit.prompt)
        return values, outcome

    def _attempt(self, lesson: _Material, values: Tensor, before: Outcome) -> Outcome:
        # Takes the steps of one schedule, in place.
        config = self._config
        optimizer, schedule = optimise(config, values, config.steps)
        loss: Tensor | None = None
        steps, learned, said = before.steps, False, False
        for step in range(config.steps + 1):
            if step % config.check_every == 0 or step == config.steps:
                learned, said = self._examine(lesson, values)
            if learned or step == config.steps:
                break
            loss = self._loss(lesson, values)
            (values.grad,) = torch.autograd.grad(loss, [values])
            optimizer.step()
            schedule.step()
            with torch.no_grad():
                values.clamp_(-config.max_delta, config.max_delta)
            steps += 1
        return Outcome(steps, before.loss if loss is None else float(loss.detach()), learned, said)

    def _loss(self, lesson: _Material, values: Tensor) -> Tensor:
        # L = −log P(y_e | x_e) + L_a', L_a' = L_a + L_memo; the rows after the edits' are unrelated prompts to keep.
        batch, edited, irrelevant, replay = lesson.next()
        delta = self.delta(values)
        change = change_of(batch.prompts, delta)
        logits = self._base.shortcut.logits(batch.ids, batch.hidden, change, batch.at)
        written = answer_loss(logits, batch.labels.to(logits.device), batch.weights.to(logits.device))
        if not self._config.hinged:
            return written.to(change.device)
        levels = activation(change, batch.prompts.prompt)
        others = torch.cat([levels[edited:], self.activations(irrelevant, delta)])
        routed = routing_loss(levels[:edited], others, self._margins)
        quiet = memo_loss(self.activations(replay, delta), self._margins)
        return written.to(routed.device) + self._config.routing_weight * (routed + quiet)

    @torch.no_grad()
    def _examine(self, lesson: _Material, values: Tensor) -> tuple[bool, bool]:
        # Looks at everything at once, and tells the lesson what needs more work; returns (learned, said).
        delta = self.delta(values)
        batch, irrelevant, replay = lesson.everything
        change = change_of(batch.prompts, delta)
        logits = self._base.shortcut.logits(batch.ids, batch.hidden, change, batch.at)
        ahead = lead(logits, batch.labels.to(logits.device)).to(change.device)
        worst = ahead.new_full((len(batch.ids),), float("inf")).scatter_reduce(0, batch.at[0], ahead, "amin")
        edits = activation(change, batch.prompts.prompt)
        others, replayed = self.activations(irrelevant, delta), self.activations(replay, delta)
        firm = worst >= self._config.margin
        right = firm & (edits >= self._margins.beta * (1 - SLACK)) if self._config.hinged else firm
        lesson.mark(right.tolist(), others.tolist(), replayed.tolist())
        if not self._config.hinged:
            return bool(right.all()), bool((worst > 0).all())
        hinges = routing_loss(edits, others, self._margins) + memo_loss(replayed, self._margins)
        return bool(right.all() & (hinges <= SLACK * self._margins.beta)), bool((worst > 0).all())


class _Material:
    """What the steps of one edit are taken from: first what isn't right yet, then at random."""

    def __init__(self, rows: Rows, item: StreamItem, earlier: Sequence[Edit], config: KeyedSettings, seed: int) -> None:
        self._config = config
        self._random = Random(seed_of(seed, "steps", item.edit.id))
        self._own = rows.edit(item.edit)
        self._earlier = [rows.edit(edit) for edit in earlier]
        self._irrelevant: list[Row] = []
        if config.hinged:
            local = item.edit.locality if config.irrelevant_source == "edits" else ()
            unrelated = tuple(row for each in local for row in rows.prompt(each.prompt)) or rows.pool()
            near = rows.neighbours(item.edit, config.neighbours, self._random)
            self._irrelevant = [*near, *self._random.sample(unrelated, min(_EXAMINED, len(unrelated)))]
        self._replay = tuple(_bare(rows.edit(edit)) for edit in item.companions)
        bare = [edit_rows[0] for edit_rows in self._earlier]
        self.everything: tuple[Batch, Prompts | None, Prompts | None] = (
            collate([*self._own, *bare]),
            collate_prompts(self._irrelevant),
            collate_prompts(self._replay),
        )
        self._weak_own: list[int] = []
        self._weak_earlier: list[int] = []
        self._loud: list[int] = []
        self._loud_replay: list[int] = []

    def mark(self, right: Sequence[bool], irrelevant: Sequence[float], replay: Sequence[float]) -> None:
        """Take in what an examination found."""
        own = len(self._own)
        self._weak_own = [number for number in range(1, own) if not right[number]]
        self._weak_earlier = [number for number, good in enumerate(right[own:]) if not good]
        self._loud = _loudest(irrelevant, self._config.irrelevant // 2)
        self._loud_replay = _loudest(replay, self._config.replay // 2)

    def next(self) -> tuple[Batch, int, Prompts | None, Prompts | None]:
        """The next step's sequences (and how many of them are edits), further unrelated prompts, replay prompts."""
        config = self._config
        contexts = self._pick(self._weak_own, range(1, len(self._own)), config.contexts_per_step)
        again = self._pick(self._weak_earlier, range(len(self._earlier)), config.rehearsal)
        rows = [self._own[0], *(self._own[number] for number in contexts)]
        rows += [self._some_row(self._earlier[number]) for number in again]
        irrelevant = self._pick(self._loud, range(len(self._irrelevant)), config.irrelevant)
        replay = self._pick(self._loud_replay, range(len(self._replay)), config.replay)
        kept, others = irrelevant[: config.keep], irrelevant[config.keep :]
        return (
            collate([*rows, *(self._irrelevant[number] for number in kept)]),
            len(rows),
            collate_prompts([self._irrelevant[number] for number in others]),
            collate_prompts([self._replay[number] for number in replay]),
        )

    def _pick(self, first: Sequence[int], among: Sequence[int], count: int) -> list[int]:
        chosen = self._random.sample(first, min(count, len(first)))
        taken = set(chosen)
        rest = [number for number in among if number not in taken]
        return chosen + self._random.sample(rest, min(count - len(chosen), len(rest)))

    def _some_row(self, rows: tuple[Row, ...]) -> Row:
        return rows[0] if self._random.random() < 0.5 else self._random.choice(rows)


def _bare(rows: tuple[Row, ...]) -> Row:
    return rows[0]


def _loudest(activations: Sequence[float], count: int) -> list[int]:
    return sorted(range(len(activations)), key=lambda number: -activations[number])[:count]
