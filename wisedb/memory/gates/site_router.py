"""Who decides at a module: the routers that the memories' gates ask for, one after the other.

The keys are asked first, once for all modules: they name an edit. Where they name none, the nearest key of a codebook
answers if it is near enough, then the edit of a residual memory whose mask the prompt's overlaps enough, and else the
most excited memory. So one memory answers a position, or none, and it does at all of its modules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from wisedb.memory.bank import Bank
from wisedb.memory.forward_call import ForwardCall
from wisedb.memory.gates.activation_check import ActivationCheck
from wisedb.memory.gates.activation_router import ActivationRouter
from wisedb.memory.gates.decision import Decision, Scoping
from wisedb.memory.gates.key_router import KeyRouter
from wisedb.memory.gates.nearest_router import NearestRouter
from wisedb.memory.gates.overlap_router import OverlapRouter
from wisedb.memory.kinds.additive import DenseDelta, FactoredDelta
from wisedb.memory.slots import BASE


class SiteDecision(NamedTuple):
    """What was decided at a module, at every position.

    Attributes:
        slots: int64 (B, T): the slots that answer.
        scores: by the router's name, float32 (B, T, n), −∞ for memories that it isn't asked about.
        best: int64 (B, T): the edit that is meant most, counted over all memories' edits; None without keys.
        added: (B, T, d_out): A(x)·ΔW of the memory that answers, where that came about on the way.
    """

    slots: Tensor
    scores: Mapping[str, Tensor]
    best: Tensor | None = None
    added: Tensor | None = None


class SiteRouter:
    """Decides at one module, after those that decided before it in the same call.

    A memory that changes several modules is decided upon once: by its activation at the first of them, by its keys
    for all of them. Whoever answers a position at one module is the only one that may at the modules behind it.

    Args:
        bank: the memories there.
        keys: the router over the keys of all memories, at whichever module; None without keys.

    Attributes:
        keys: as it was given.
        keyed: whether one of the memories there waits for the keys.
        by_distance: the codebooks there.
    """

    def __init__(self, bank: Bank, keys: KeyRouter | None) -> None:
        gates = {number: bank.memories[number].gate for number in bank.here}
        self.keyed = any(gate.by_keys for gate in gates.values())
        self.by_distance = tuple(number for number, gate in gates.items() if gate.name == "nearest")
        self._bank = bank
        self.keys = keys
        self._overlapping = tuple(number for number, gate in gates.items() if gate.name == "overlap")
        self._checked = tuple(number for number, gate in gates.items() if gate.name == "both")
        self._excited = tuple(number for number, gate in gates.items() if gate.name == "activation")
        self._check = ActivationCheck(bank)
        self._activation = ActivationRouter(bank)
        self._explanation = ActivationRouter(bank, "explanation")
        self._nearest = NearestRouter(bank, self.by_distance)
        self._overlap = OverlapRouter(bank, self._overlapping)

    def decide(self, call: ForwardCall, inputs: Tensor, scoping: Scoping, told: Tensor | None = None) -> SiteDecision:
        """Decide for one forward call.

        Args:
            call: the call, with what its hooks kept and the modules before have decided.
            inputs: what entered the module, (B, T, d_in).
            scoping: which tokens may be seen.
            told: int64 (B,), slots: who is to answer whatever the gates say; of a codebook the nearest key does.
        """
        size = (call.rows, call.tokens)
        alone = call.slots is None
        slots = torch.full(size, BASE, device=inputs.device) if call.slots is None else call.slots
        measured: dict[int, Tensor] = {}
        scores: dict[str, Tensor] = {}
        added = None
        # Modules in front of the block at which relations are read can't wait for the keys.
        if self.keys is not None and call.key_decision is None and (self.keyed or call.states is not None):
            call.key_decision = self.keys.decide(call, inputs.device, scoping)
            slots, alone = _filled(slots, call.key_decision.slots), False
        if call.key_decision is not None:
            if call.slots is None:
                # It may have been decided before the call.
                slots, alone = _filled(slots, call.key_decision.slots), False
            scores["keys"] = call.key_decision.scores
        if checked := _left(self._checked, call):
            slots, measured = self._check.agreed(call, inputs, slots, scoping, checked)
        nearest = None
        if self.by_distance:
            nearest = self._nearest.decide(call, inputs, scoping, told)
            scores["nearest"] = self._spread(size, inputs, _by_number(self.by_distance, nearest.scores))
            slots, alone = _filled(slots, nearest.slots), False
        if self._overlapping:
            overlap = self._overlap.decide(call, inputs, scoping)
            scores["overlap"] = self._spread(size, inputs, _by_number(self._overlapping, overlap.scores))
            slots, alone = _filled(slots, overlap.slots), False
        if excited := _left(self._excited, call):
            found = self._activation.decide(call, inputs, scoping, excited)
            measured |= _by_number(excited, found.scores)
            slots = found.slots if alone else _filled(slots, found.slots)
            added = found.added if alone else None
        if checked or excited:
            scores["activation"] = self._spread(size, inputs, measured)
        if told is not None:
            slots, added = self._as_told(told, slots, nearest), None
        call.measured += (*checked, *excited)
        call.slots = slots
        return SiteDecision(slots, scores, None if call.key_decision is None else call.key_decision.best, added)

    def unasked(self, call: ForwardCall, inputs: Tensor, scoping: Scoping) -> Tensor:
        """Δ_act of every ΔW that no gate has asked for so far, for an explanation: float32 (B, T, n)."""
        self._bank.place(inputs.device, inputs.dtype)
        additive = [n for n in self._bank.here if isinstance(self._bank.placed(n), DenseDelta | FactoredDelta)]
        found = {}
        if unasked := _left(additive, call):
            found = _by_number(unasked, self._explanation.decide(call, inputs, scoping, unasked).scores)
            call.measured += unasked
        return self._spread((call.rows, call.tokens), inputs, found)

    def _as_told(self, told: Tensor, decided: Tensor, nearest: Decision | None) -> Tensor:
        # (B,) → (B, T)
        slots = told[:, None].expand_as(decided)
        if nearest is None:
            return slots
        books = torch.tensor(self.by_distance, device=told.device)
        by_distance = torch.isin(self._bank.slot_table.memories(told), books)
        return torch.where(by_distance[:, None], nearest.slots, slots)

    def _spread(self, size: tuple[int, int], like: Tensor, found: Mapping[int, Tensor]) -> Tensor:
        """Scores (B, T) by memory → (B, T, n) over all memories."""
        nothing = torch.full(size, -torch.inf, device=like.device)
        return torch.stack([found.get(number, nothing).float() for number in range(len(self._bank))], dim=-1)


def _filled(slots: Tensor, found: Tensor) -> Tensor:
    return torch.where(slots == BASE, found, slots)


def _left(numbers: Sequence[int], call: ForwardCall) -> tuple[int, ...]:
    return tuple(number for number in numbers if number not in call.measured)


def _by_number(numbers: Sequence[int], scores: Tensor) -> dict[int, Tensor]:
    return {number: scores[..., place] for place, number in enumerate(numbers)}
