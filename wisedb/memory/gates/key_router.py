"""The key router: which thing a prompt means and what it asks of it, and so which memory answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from wisedb.errors import UsageError
from wisedb.memory.cache_state import joined, state_attribute, state_of
from wisedb.memory.forward_call import ForwardCall
from wisedb.memory.gates.decision import Decision, Scoping, seen_earlier
from wisedb.memory.gates.keys.edit_keys import same_statistics
from wisedb.memory.gates.keys.index import KeyIndex, build_index
from wisedb.memory.gates.keys.name_boundaries import name_goes_on
from wisedb.memory.gates.keys.prompt_features import PromptFeatures
from wisedb.memory.gates.keys.score import EditScores, score_edits
from wisedb.memory.gates.keys.similar_tokens import SimilarTokens
from wisedb.memory.memory import Memory
from wisedb.memory.slots import BASE, SlotTable
from wisedb.model.capture import embedding_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

LOOK_BACK = 32
"""Tokens for which what was meant still counts, where nobody says where the prompt ends."""


class KeyRouter:
    """The memory of the edit that is meant most, if its score reaches ``threshold``.

    What a prompt asks shows in its last token, and no longer in the answer behind it. So that a plain forward over
    both gives the answer the likelihood that ``generate`` gives it, a position decides on the best score of the last
    :data:`LOOK_BACK` ones where the prompt's end isn't known.

    Args:
        index: the keys of all memories.
        slot_table: how slots are counted.
        threshold: 0 is where the fitted evidence says that an edit is meant; more is stricter.
    """

    def __init__(self, index: KeyIndex, slot_table: SlotTable, threshold: float = 0.0) -> None:
        self.index = index
        self._slot_table = slot_table
        self.threshold = threshold
        self._attribute = state_attribute("keys")

    def decide(self, call: ForwardCall, device: torch.device, scoping: Scoping) -> Decision:
        """Decide for one forward call, once for all modules; what was seen goes to the call's cache states.

        Args:
            call: the call, with what its hooks kept.
            device: where the slots are wanted.
            scoping: which tokens may be seen.

        Returns:
            The slots, and the log odds that the prompt means one of a memory's edits.

        Raises:
            UsageError: the projection was called outside of its model.
        """
        if call.embedded is None or call.states is None:
            raise UsageError(
                "keys can't be compared where the module is called without its model", hint="Call the model."
            )
        # Dense arithmetic in float32, also where the model computes in halves: scores are compared to a threshold.
        with torch.no_grad(), torch.autocast(device.type, enabled=False):
            self.index = self.index.to(device)
            statistics = self.index.statistics
            shape = (call.rows, call.tokens, -1)
            embedded = call.embedded.reshape(shape)
            now = (
                statistics.tokens(embedded).to(device),
                statistics.relations(call.states.reshape(shape)).to(device),
                statistics.flags_of(call.ids, embedded).to(device),
            )
            state = state_of(call.cache, self, self._attribute)
            before: list[PromptFeatures] = state.before(call.past, call.rows)
            scope = scoping(seen_earlier([part.seen for part in before]))
            features = PromptFeatures(*now, scope.seen)
            call.cache_states.append(state.extended(call.past, features, call.max_positions))
            whole = joined([*before, features])
            at = whole.seen.cumsum(dim=1)[:, -call.tokens :] - 1
            earlier = at.new_zeros(0)
            if not scope.single and before:
                earlier = (at[:, :1] + torch.arange(1 - LOOK_BACK, 0, device=device)).clamp(min=-1)
                earlier = torch.where(scope.held[:, None], -1, earlier)
            at = torch.where(scope.held[:, None], at[:, -1:], at)
            # The host may look where that costs nothing: most keys can't be meant by anything in the prompt.
            may_sync = device.type == "cpu" and not torch.compiler.is_compiling()
            threshold = self.threshold if may_sync else None
            if scope.single:
                found = score_edits(*whole, at[:, -1:], self.index, threshold=threshold)
            else:
                at = torch.cat([earlier, at], dim=1) if earlier.numel() else at
                found = score_edits(*whole, at, self.index, threshold=threshold)
                found = _best_recent(found, name_goes_on(whole.flags, whole.seen, at), call.tokens, self.threshold)
            top, memory = found.scores.max(dim=-1)
            slots = self._slot_table.slots(torch.where(top >= self.threshold, memory, BASE))
        size = (call.rows, call.tokens)
        return Decision(slots.expand(size), found.scores.expand(*size, -1), found.best.expand(size))


def _best_recent(found: EditScores, midway: Tensor, tokens: int, threshold: float) -> EditScores:
    """At each of the last ``tokens`` positions, the best of it and of those before it that reached the threshold.

    What was meant midway in a name, bool (B, Q), is forgotten once the name goes on.
    """
    reached = found.scores.masked_fill((found.scores < threshold) | midway[..., None], -torch.inf)
    reached = torch.nn.functional.pad(reached, (0, 0, LOOK_BACK - 1, 0), value=-torch.inf).unfold(1, LOOK_BACK, 1)
    top, offset = reached.amax(dim=2).max(dim=-1)
    own = found.scores.amax(dim=-1)
    position = torch.arange(found.best.shape[1], device=offset.device) + offset - (LOOK_BACK - 1)
    best = torch.where(top > own, found.best.gather(1, position.clamp(min=0)), found.best)
    scores = torch.maximum(found.scores, reached.amax(dim=-1))
    return EditScores(scores[:, -tokens:], best[:, -tokens:])


class KeyRouterBuilder:
    """Makes the key routers of a model's memories, one set after the other: tokens that several name are compared once.

    Args:
        model: the model that they stand beside.
        threshold: how strict the keys are, in log odds; 0 is what was fitted, more fires less.
    """

    def __init__(self, model: PreTrainedModel, threshold: float) -> None:
        self._model, self.threshold = model, threshold
        self._similar: SimilarTokens | None = None

    def router_for(self, memories: Sequence[Memory]) -> KeyRouter | None:
        """The router over the keys of these memories, ``None`` where there are none.

        Raises:
            UsageError: their keys rest on different statistics.
        """
        index = self._index(memories)
        return None if index is None else KeyRouter(index, SlotTable.of(memories), self.threshold)

    @torch.no_grad()
    def _index(self, memories: Sequence[Memory]) -> KeyIndex | None:
        rings = [memory.gate.keys for memory in memories]
        held = [ring for ring in rings if ring is not None and len(ring)]
        if not held:
            return None
        statistics = same_statistics(held)
        if self._similar is None or not self._similar.statistics.same(statistics):
            self._similar = SimilarTokens(statistics, self._embed)
        return build_index(rings, [len(memory.edits) for memory in memories], self._embed, self._similar)

    def _embed(self, ids: Tensor) -> Tensor:
        embedding = embedding_of(self._model)
        weight = getattr(embedding, "weight", None)
        device = weight.device if isinstance(weight, Tensor) else self._model.device
        # Where weights are kept elsewhere, accelerate brings them and the ids together.
        found: Tensor = embedding(ids.to("cpu" if device.type == "meta" else device)[None])[0]
        return found
