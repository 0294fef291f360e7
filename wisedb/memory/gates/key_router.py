"""The key router: which thing a prompt means and what it asks of it, and so which memory answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
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
from wisedb.memory.gates.keys.replies import Replies, Reply, ends_of, last_reply
from wisedb.memory.gates.keys.score import EditScores, score_edits
from wisedb.memory.gates.keys.sentences import Reader, SentenceReader, score_messages
from wisedb.memory.gates.keys.similar_tokens import SimilarTokens
from wisedb.memory.memory import Memory
from wisedb.memory.routing import Scope
from wisedb.memory.slots import BASE, SlotTable
from wisedb.model.capture import embedding_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

LayerReader = Callable[[int, Sequence[Sequence[int]]], Tensor]
"""A block, and conversations as token ids → the states (n, d_model) that enter it at their last tokens."""

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
        read: reads a sentence of a chat by itself; None to read what is asked where the reply begins alone.
    """

    def __init__(
        self, index: KeyIndex, slot_table: SlotTable, threshold: float = 0.0, read: Reader | None = None
    ) -> None:
        self.index = index
        chat = index.statistics.chat
        self._sentences = None if read is None or chat is None else SentenceReader(index.statistics, chat, read)
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
            state = state_of(call.cache, self, self._attribute)
            before: list[PromptFeatures] = state.before(call.past, call.rows)
            scope = scoping(seen_earlier([part.seen for part in before]))
            features = self._features(call, before, scope.seen)
            call.cache_states.append(state.extended(call.past, features, call.max_positions))
            whole = joined([*before, features])
            chat = self.index.statistics.chat
            reply = None if chat is None else last_reply(whole.ids, whole.seen, chat)
            # The host may look where that costs nothing: most keys can't be meant by anything in the prompt.
            may_sync = device.type == "cpu" and not torch.compiler.is_compiling()
            found = self._scored(call, whole, reply, scope, bool(before), may_sync=may_sync)
            stops = None
            if reply is not None:
                # Also where generate would wait for the device all the same.
                may_look = may_sync or (scope.single and call.may_sync)
                found, stops = self._by_sentence(whole, reply, found, may_look=may_look)
            top, memory = found.scores.max(dim=-1)
            slots = self._slot_table.slots(torch.where(top >= self.threshold, memory, BASE))
            slots = slots.expand(call.rows, call.tokens)
            if reply is not None and stops is not None:
                # Rows that the keys leave to other gates are bounded by no reply.
                begins = torch.where(slots[:, -1] == BASE, -1, reply.begins)
                call.replies = Replies(begins, stops, whole.flags)
                slots = torch.where(call.replies.answered(call.tokens), slots, BASE)
        size = (call.rows, call.tokens)
        return Decision(slots, found.scores.expand(*size, -1), found.best.expand(size))

    def _features(self, call: ForwardCall, before: Sequence[PromptFeatures], seen: Tensor) -> PromptFeatures:
        # Of the call's own tokens.
        assert call.embedded is not None and call.states is not None
        statistics, device = self.index.statistics, seen.device
        shape = (call.rows, call.tokens, -1)
        embedded, states = call.embedded.reshape(shape), call.states.reshape(shape)
        unknown = torch.full((call.rows, call.tokens), -1, device=device)
        ids = unknown if call.ids is None else call.ids.to(device)
        relations = statistics.relations(states).to(device)
        if statistics.chat is not None:
            # What is asked in a chat shows where the reply begins.
            opened = ends_of(torch.cat([*(part.ids for part in before), ids], dim=1), statistics.chat.opening)
            in_chat = statistics.chat_relations(states).to(device)
            relations = torch.where(opened[:, -call.tokens :, None], in_chat, relations)
        flags = statistics.flags_of(call.ids, embedded).to(device)
        return PromptFeatures(statistics.tokens(embedded).to(device), relations, flags, seen, ids)

    def _scored(
        self,
        call: ForwardCall,
        whole: PromptFeatures,
        reply: Reply | None,
        scope: Scope,
        earlier: bool,
        *,
        may_sync: bool,
    ) -> EditScores:
        # The scores at each position, or at one for all where the prompt's end is known; of a reply, by its message.
        seen, decided, chats = whole.seen, scope.held, None
        if reply is not None:
            begins = torch.arange(seen.shape[1], device=seen.device) == reply.begins[:, None]
            seen = torch.where(reply.there[:, None], reply.message | begins, seen)
            decided, chats = decided | reply.there, reply.there
        at = seen.cumsum(dim=1)[:, -call.tokens :] - 1
        before = at.new_zeros(0)
        if not scope.single and earlier:
            before = (at[:, :1] + torch.arange(1 - LOOK_BACK, 0, device=seen.device)).clamp(min=-1)
            before = torch.where(decided[:, None], -1, before)
        at = torch.where(decided[:, None], at[:, -1:], at)
        prompt = (whole.tokens, whole.relations, whole.flags, seen)
        threshold = self.threshold if may_sync else None
        if scope.single:
            return score_edits(*prompt, at[:, -1:], self.index, chat=chats, threshold=threshold)
        at = torch.cat([before, at], dim=1) if before.numel() else at
        found = score_edits(*prompt, at, self.index, chat=chats, threshold=threshold)
        return _best_recent(found, name_goes_on(whole.flags, seen, at), call.tokens, self.threshold)

    def _by_sentence(
        self, whole: PromptFeatures, reply: Reply, found: EditScores, *, may_look: bool
    ) -> tuple[EditScores, Tensor]:
        # The scores with those of the sentences of messages in their place, and how many sentences each answer has.
        if self._sentences is None or not may_look or not bool(reply.there.any()):
            return found, self.index.stops[found.best[:, -1]]
        heard, stops = score_messages(whole, reply, self.index, self.threshold, self._sentences)
        # What no sentence of a message can mean is not read, and stays below the threshold by its subject alone.
        there = (reply.there & ~torch.isinf(heard.scores).all(dim=-1)[:, 0])[:, None]
        scores = torch.where(there[..., None], heard.scores, found.scores)
        return EditScores(scores, torch.where(there, heard.best, found.best)), stops

    def flags(self, call: ForwardCall, device: torch.device) -> Tensor:
        """What a call's tokens show of sentences and names, uint8 (B, T)."""
        like = torch.empty(call.rows, call.tokens, device=device)
        return self.index.statistics.flags_of(call.ids, like)


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
        read: reads conversations up to a block.
    """

    def __init__(self, model: PreTrainedModel, threshold: float, read: LayerReader | None = None) -> None:
        self._model, self.threshold, self._read = model, threshold, read
        self._similar: SimilarTokens | None = None

    def router_for(self, memories: Sequence[Memory]) -> KeyRouter | None:
        """The router over the keys of these memories, ``None`` where there are none.

        Raises:
            UsageError: their keys rest on different statistics.
        """
        index = self._index(memories)
        if index is None:
            return None
        read = None if self._read is None else partial(self._read, index.statistics.layer)
        return KeyRouter(index, SlotTable.of(memories), self.threshold, read)

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
