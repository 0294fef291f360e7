"""Who decides at a module: the routers that the memories' gates ask for, one after the other.

The keys are asked first, once for all modules: they name an edit. Where they name none, the nearest key of a codebook
answers if it is near enough, and else the most excited memory. So one memory answers a position, or none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from wisedb.memory.bank import Bank
from wisedb.memory.forward_call import Call
from wisedb.memory.gates.activation_router import ActivationRouter, measure
from wisedb.memory.gates.decision import Scoping
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
    """Decides at one module.

    Args:
        bank: the memories there.
        keys: the router over the keys of all memories, at whichever module; None without keys.
    """

    def __init__(self, bank: Bank, keys: KeyRouter | None) -> None:
        gates = {number: bank.memories[number].gate for number in bank.here}
        self.bank = bank
        self.keys = keys
        self.checked = tuple(number for number, gate in gates.items() if gate.name == "both")
        self._check = ActivationCheck(bank) if self.checked else None
        excited = [number for number, gate in gates.items() if gate.name == "activation"]
        self._activation = ActivationRouter(bank, excited) if excited else None
        codebooks = [number for number, gate in gates.items() if gate.name == "nearest"]
        self.nearest = NearestRouter(bank, codebooks) if codebooks else None

    def decide(self, call: Call, inputs: Tensor, scoping: Scoping, told: Tensor | None = None) -> Verdict:
        """Decide for one forward call.

        Args:
            call: the call, with what its hooks kept.
            inputs: what entered the module, (B, T, d_in).
            scoping: which tokens may be seen.
            told: int64 (B,): for codebooks, the memory that is to answer whatever the distance.
        """
        size = (call.rows, call.tokens)
        routes = torch.full(size, BASE, dtype=torch.int64, device=inputs.device)
        scores: dict[str, Tensor] = {}
        best, added = None, None
        if self.keys is not None:
            if call.meant is None:
                call.meant = self.keys.decide(call, inputs.device, scoping)
            routes, best = call.meant.routes, call.meant.best
            scores["keys"] = call.meant.scores
            if self._check is not None:
                routes, measured = self._check.agreed(call, inputs, routes, scoping, self.checked)
                scores["activation"] = self._spread(size, inputs, measured)
            routes = self.bank.slots.slots(routes)
        if self.nearest is not None:
            found = self.nearest.decide(call, inputs, scoping, told)
            scores["nearest"] = self._spread(size, inputs, _by_number(self.nearest.numbers, found.scores))
            routes = torch.where(routes == BASE, found.routes, routes)
        if self._activation is not None:
            alone = self.keys is None and self.nearest is None
            found = self._activation.decide(call, inputs, scoping)
            measured = _by_number(self._activation.numbers, found.scores)
            scores["activation"] = self._spread(size, inputs, measured, scores.get("activation"))
            routes = found.routes if alone else torch.where(routes == BASE, found.routes, routes)
            added = found.added if alone else None
        return Verdict(routes, scores, best, added)

    def activations(self, inputs: Tensor, scoping: Scoping) -> Tensor:
        """Δ_act of every ΔW at the module whatever its gate, for an explanation: float32 (B, T, n)."""
        self.bank.place(inputs.device, inputs.dtype)
        additive = [n for n in self.bank.here if isinstance(self.bank.placed(n), DenseDelta | FactoredDelta)]
        found = {}
        if additive:
            decision, _ = measure(inputs, self.bank, additive, scoping(None))
            found = _by_number(tuple(additive), decision.scores)
        return self._spread((inputs.shape[0], inputs.shape[1]), inputs, found)

    def _spread(
        self, size: tuple[int, int], like: Tensor, found: Mapping[int, Tensor], over: Tensor | None = None
    ) -> Tensor:
        """Scores (B, T) by memory → (B, T, n) over all memories."""
        if over is None:
            over = torch.full((*size, len(self.bank)), -torch.inf, device=like.device)
        parts = [found[number].float() if number in found else over[..., number] for number in range(len(self.bank))]
        return torch.stack(parts, dim=-1)


def _by_number(numbers: Sequence[int], scores: Tensor) -> dict[int, Tensor]:
    return {number: scores[..., place] for place, number in enumerate(numbers)}
