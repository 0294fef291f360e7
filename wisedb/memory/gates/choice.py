"""Which router the attached memories get, and the index of keys that it reads.

The index of one set of memories goes on from that of the last one: tokens that both name are compared once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from wisedb.errors import UsageError
from wisedb.memory.bank import Bank
from wisedb.memory.gates.keys.edit_keys import same_statistics
from wisedb.memory.gates.keys.index import KeyIndex, build_index
from wisedb.memory.gates.keys.similar_tokens import Alike
from wisedb.memory.gates.routers import ROUTERS, ActivationRouter, BothRouters, KeyRouter, Router, RouterName
from wisedb.memory.kinds.masked_delta import SideMemory
from wisedb.model.capture import embedding_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class RouterChoice:
    """Finds a router for memories.

    Args:
        model: the model that they stand beside.
        wanted: who is to decide; None goes by the memories: without keys it is the activation; with keys it is the
            keys, and both where a memory has a threshold too.
        level: how strict the keys are, in log odds.

    Raises:
        UsageError: there is no such router.
    """

    def __init__(self, model: PreTrainedModel, wanted: RouterName | None, level: float) -> None:
        if wanted is not None and wanted not in ROUTERS:
            raise UsageError(f"there is no router '{wanted}'", hint=f"There are: {', '.join(ROUTERS)}.")
        self._model, self._wanted, self._level = model, wanted, level
        self._alike: Alike | None = None

    def router_for(self, bank: Bank) -> Router:
        """The router of these memories.

        Raises:
            UsageError: keys are asked for where a memory has none.
        """
        wanted = self._wanted or _router_of(bank.memories)
        if wanted == "activation" or not bank.memories:
            return ActivationRouter(bank)
        if not all(memory.keys is not None for memory in bank.memories):
            lacking = next(memory.id for memory in bank.memories if memory.keys is None)
            raise UsageError(
                f"memory {lacking[:12]} has no keys", hint="Attach it with router='activation', or write it with keys."
            )
        index = self._index(bank)
        if index is None:
            return ActivationRouter(bank)
        keys = KeyRouter(index, self._level)
        return keys if wanted == "keys" else BothRouters(ActivationRouter(bank), keys)

    @torch.no_grad()
    def _index(self, bank: Bank) -> KeyIndex | None:
        rings = [memory.keys for memory in bank.memories]
        held = [ring for ring in rings if ring is not None and len(ring)]
        if not held:
            return None
        statistics = same_statistics(held)
        if self._alike is None or not self._alike.statistics.same(statistics):
            self._alike = Alike(statistics, self._embed)
        return build_index(rings, [len(memory.edits) for memory in bank.memories], self._embed, self._alike)

    def _embed(self, ids: torch.Tensor) -> torch.Tensor:
        embedding = embedding_of(self._model)
        weight = getattr(embedding, "weight", None)
        device = weight.device if isinstance(weight, torch.Tensor) else self._model.device
        # Where weights are kept elsewhere, accelerate brings them and the ids together.
        found: torch.Tensor = embedding(ids.to("cpu" if device.type == "meta" else device)[None])[0]
        return found


def _router_of(memories: Sequence[SideMemory]) -> RouterName:
    if all(memory.keys is None for memory in memories):
        return "activation"
    return "both" if any(memory.threshold > 0 for memory in memories) else "keys"
