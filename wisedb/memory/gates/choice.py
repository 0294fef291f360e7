"""Who decides at a module: the routers that the memories' gates ask for, one after the other.

The keys are asked first, once for all modules: they name an edit. Where they name none, the nearest key of a codebook
answers if it is near enough, and else the most excited memory. So one memory answers a position, or none, and it does
at all of its modules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from wisedb.memory.bank import Bank
from wisedb.memory.forward_call import Call
from wisedb.memory.gates.activation_router import ActivationRouter
from wisedb.memory.gates.decision import Decision, Scoping
from wisedb.memory.gates.excitement import ActivationCheck
from wisedb.memory.gates.key_router import KeyRouter
from wisedb.memory.gates.keys.edit_keys import same_statistics
from wisedb.memory.gates.keys.index import KeyIndex, build_index
from wisedb.memory.gates.keys.similar_tokens import Alike
from wisedb.memory.gates.nearest_router import NearestRouter
from wisedb.memory.kinds.additive import DenseDelta, FactoredDelta
from wisedb.memory.memory import Memory
from wisedb.memory.slots import BASE
from wisedb.model.capture import embedding_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Verdict(NamedTuple):
    """What was decided at a module, at every position.

    Attributes:
        routes: int64 (B, T), slots.
        scores: by the router's name, float32 (B, T, n), −∞ for memories that it isn't asked about.
        best: int64 (B, T): the edit that is meant most, counted over all memories' edits; None without keys.
        added: (B, T, d_out): A(x)·ΔW of the memory that answers, where that came about on the way.
    """

    routes: Tensor
    scores: Mapping[str, Tensor]
    best: Tensor | None = None
    added: Tensor | None = None


class KeyRouters:
    """Finds the key router of memories; that of the next ones goes on from it: tokens that both name are compared once.

    Args:
        model: the model that they stand beside.
        level: how strict the keys are, in log odds; 0 is what was fitted, more fires less.
    """

    def __init__(self, model: PreTrainedModel, level: float) -> None:
        self._model, self.level = model, level
        self._alike: Alike | None = None

    def router_for(self, memories: Sequence[Memory]) -> KeyRouter | None:
        """The router over the keys of these memories, ``None`` where there are none.

        Raises:
            UsageError: their keys rest on different statistics.
        """
        index = self._index(memories)
        return None if index is None else KeyRouter(index, self.level)

    @torch.no_grad()
    def _index(self, memories: Sequence[Memory]) -> KeyIndex | None:
        rings = [memory.gate.keys for memory in memories]
        held = [ring for ring in rings if ring is not None and len(ring)]
        if not held:
            return None
        statistics = same_statistics(held)
        if self._alike is None or not self._alike.statistics.same(statistics):
            self._alike = Alike(statistics, self._embed)
        return build_index(rings, [len(memory.edits) for memory in memories], self._embed, self._alike)

    def _embed(self, ids: Tensor) -> Tensor:
        embedding = embedding_of(self._model)
        weight = getattr(embedding, "weight", None)
        device = weight.device if isinstance(weight, Tensor) else self._model.device
        # Where weights are kept elsewhere, accelerate brings them and the ids together.
        found: Tensor = embedding(ids.to("cpu" if device.type == "meta" else device)[None])[0]
        return found


class BankRouter:
    """Decides at one module, after those that decided before it in the same call.

    A memory that changes several modules is decided upon once: by its activation at the first of them, by its keys
    for all of them. Whoever answers a position at one module is the only one that may at the modules behind it.

    Args:
        bank: the memories there.
        keys: the router over the keys of all memories, at whichever module; None without keys.

    Attributes:
        keyed: whether one of the memories there waits for the keys.
        by_distance: the codebooks there.
    """

    def __init__(self, bank: Bank, keys: KeyRouter | None) -> None:
        gates = {number: bank.memories[number].gate for number in bank.here}
        self.keyed = any(gate.by_keys for gate in gates.values())
        self.by_distance = tuple(number for number, gate in gates.items() if gate.name == "nearest")
        self._bank = bank
        self._keys = keys
        self._checked = tuple(number for number, gate in gates.items() if gate.name == "both")
        self._excited = tuple(number for number, gate in gates.items() if gate.name == "activation")
        self._check = ActivationCheck(bank)
        self._activation = ActivationRouter(bank)
        self._explanation = ActivationRouter(bank, "explanation")
        self._nearest = NearestRouter(bank, self.by_distance)

    def decide(self, call: Call, inputs: Tensor, scoping: Scoping, told: Tensor | None = None) -> Verdict:
        """Decide for one forward call.

        Args:
            call: the call, with what its hooks kept and the modules before have decided.
            inputs: what entered the module, (B, T, d_in).
            scoping: which tokens may be seen.
            told: int64 (B,), slots: who is to answer whatever the gates say; of a codebook the nearest key does.
        """
        size = (call.rows, call.tokens)
        alone = call.routes is None
        routes = torch.full(size, BASE, device=inputs.device) if call.routes is None else call.routes
        measured: dict[int, Tensor] = {}
        scores: dict[str, Tensor] = {}
        added = None
        # Modules in front of the block at which relations are read can't wait for the keys.
        if self._keys is not None and call.meant is None and (self.keyed or call.states is not None):
            call.meant = self._keys.decide(call, inputs.device, scoping)
            routes, alone = _filled(routes, self._bank.slots.slots(call.meant.routes)), False
        if call.meant is not None:
            scores["keys"] = call.meant.scores
        if checked := _left(self._checked, call):
            routes, measured = self._check.agreed(call, inputs, routes, scoping, checked)
        nearest = None
        if self.by_distance:
            nearest = self._nearest.decide(call, inputs, scoping, told)
            scores["nearest"] = self._spread(size, inputs, _by_number(self.by_distance, nearest.scores))
            routes, alone = _filled(routes, nearest.routes), False
        if excited := _left(self._excited, call):
            found = self._activation.decide(call, inputs, scoping, excited)
            measured |= _by_number(excited, found.scores)
            routes = found.routes if alone else _filled(routes, found.routes)
            added = found.added if alone else None
        if checked or excited:
            scores["activation"] = self._spread(size, inputs, measured)
        if told is not None:
            routes, added = self._as_told(told, routes, nearest), None
        call.asked += (*checked, *excited)
        call.routes = routes
        return Verdict(routes, scores, None if call.meant is None else call.meant.best, added)

    def unasked(self, call: Call, inputs: Tensor, scoping: Scoping) -> Tensor:
        """Δ_act of every ΔW that no gate has asked for so far, for an explanation: float32 (B, T, n)."""
        self._bank.place(inputs.device, inputs.dtype)
        additive = [n for n in self._bank.here if isinstance(self._bank.placed(n), DenseDelta | FactoredDelta)]
        found = {}
        if unasked := _left(additive, call):
            found = _by_number(unasked, self._explanation.decide(call, inputs, scoping, unasked).scores)
            call.asked += unasked
        return self._spread((call.rows, call.tokens), inputs, found)

    def _as_told(self, told: Tensor, decided: Tensor, nearest: Decision | None) -> Tensor:
        # (B,) → (B, T)
        routes = told[:, None].expand_as(decided)
        if nearest is None:
            return routes
        books = torch.tensor(self.by_distance, device=told.device)
        by_distance = torch.isin(self._bank.slots.numbers(told), books)
        return torch.where(by_distance[:, None], nearest.routes, routes)

    def _spread(self, size: tuple[int, int], like: Tensor, found: Mapping[int, Tensor]) -> Tensor:
        """Scores (B, T) by memory → (B, T, n) over all memories."""
        nothing = torch.full(size, -torch.inf, device=like.device)
        return torch.stack([found.get(number, nothing).float() for number in range(len(self._bank))], dim=-1)


def _filled(routes: Tensor, found: Tensor) -> Tensor:
    return torch.where(routes == BASE, found, routes)


def _left(numbers: Sequence[int], call: Call) -> tuple[int, ...]:
    return tuple(number for number in numbers if number not in call.asked)


def _by_number(numbers: Sequence[int], scores: Tensor) -> dict[int, Tensor]:
    return {number: scores[..., place] for place, number in enumerate(numbers)}
