"""The key router: which thing a prompt means and what it asks of it, and so which memory answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from wisedb.memory.gates.keys.questions import AskedOf, questions_of
from wisedb.memory.gates.keys.replies import Replies, Reply, last_reply
from wisedb.memory.gates.keys.score import EditScores, score_edits
from wisedb.memory.gates.keys.sentence_reader import Reader, SentenceReader
from wisedb.memory.gates.keys.sentences import score_messages
from wisedb.memory.gates.keys.similar_tokens import SimilarTokens
from wisedb.memory.gates.keys.token_flags import last_word
from wisedb.memory.memory import Memory
from wisedb.memory.routing import Scope
from wisedb.memory.slots import BASE, SlotTable
from wisedb.model.capture import embedding_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

LayerReader = Callable[[Sequence[int], int, Sequence[Sequence[int]]], Tensor]
"""Blocks, where the message begins, and conversations of one message as token ids → what they ask, (n, 2·d)."""

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
        questions: of each edit its own question in a chat.
        read: reads a sentence of a chat by itself; None where chats are prompts like any other.
    """

    def __init__(
        self,
        index: KeyIndex,
        slot_table: SlotTable,
        threshold: float = 0.0,
        questions: Mapping[int, AskedOf] | None = None,
        read: Reader | None = None,
    ) -> None:
        self.index = index
        chat = index.statistics.chat
        self._read = read
        self._questions = questions
        self._sentences = None if read is None or chat is None else SentenceReader(chat, questions or {}, read)
        self._slot_table = slot_table
        self.threshold = threshold
        self._attribute = state_attribute("keys")

    def at(self, threshold: float) -> KeyRouter:
        """A router over the same keys with another threshold; what it looks at is its own."""
        return KeyRouter(self.index, self._slot_table, threshold, self._questions, self._read)

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
            reply = None if chat is None or self._sentences is None else last_reply(whole.ids, whole.seen, chat)
            # The host may look where that costs nothing: most keys can't be meant by anything in the prompt.
            may_sync = device.type == "cpu" and not torch.compiler.is_compiling()
            if reply is not None:
                # A reply is decided on its message.
                whole = whole._replace(seen=whole.seen & ~reply.there[:, None])
            found = self._scored(call, whole, scope, bool(before), may_sync=may_sync)
            if reply is not None:
                found = self._heard(call, whole, reply, found)
            top, memory = found.scores.max(dim=-1)
            slots = self._slot_table.meant(torch.where(top >= self.threshold, memory, BASE), found.best)
        size = (call.rows, call.tokens)
        return Decision(slots.expand(size), found.scores.expand(*size, -1), found.best.expand(size))

    def _features(self, call: ForwardCall, before: Sequence[PromptFeatures], seen: Tensor) -> PromptFeatures:
        # Of the call's own tokens.
        assert call.embedded is not None and call.states is not None
        statistics, device = self.index.statistics, seen.device
        shape = (call.rows, call.tokens, -1)
        embedded, states = call.embedded.reshape(shape), call.states.reshape(shape)
        unknown = torch.full((call.rows, call.tokens), -1, device=device)
        ids = unknown if call.ids is None else call.ids.to(device)
        relations = statistics.relations(states).to(device)
        flags = statistics.flags_of(call.ids, embedded).to(device)
        return PromptFeatures(statistics.tokens(embedded).to(device), relations, flags, seen, ids)

    def _scored(
        self, call: ForwardCall, whole: PromptFeatures, scope: Scope, earlier: bool, *, may_sync: bool
    ) -> EditScores:
        # The scores at each position, or at one for all where the prompt's end is known.
        seen = whole.seen
        at = seen.cumsum(dim=1)[:, -call.tokens :] - 1
        before = at.new_zeros(0)
        if not scope.single and earlier:
            before = (at[:, :1] + torch.arange(1 - LOOK_BACK, 0, device=seen.device)).clamp(min=-1)
            before = torch.where(scope.held[:, None], -1, before)
        # What is asked shows at the last word, whatever white space a prompt ends in.
        last = last_word(whole.flags, seen)
        at = torch.where(scope.held[:, None], last, at)
        prompt = (whole.tokens, whole.relations, whole.flags, seen)
        threshold = self.threshold if may_sync else None
        if scope.single:
            return score_edits(*prompt, last, self.index, threshold=threshold)
        at = torch.cat([before, at], dim=1) if before.numel() else at
        found = score_edits(*prompt, at, self.index, threshold=threshold)
        return _best_recent(found, name_goes_on(whole.flags, seen, at), call.tokens, self.threshold)

    # Which sentences are read depends on what stands in them: no compiler sees that.
    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _heard(self, call: ForwardCall, whole: PromptFeatures, reply: Reply, found: EditScores) -> EditScores:
        # The scores, with those of messages in the place of what their tokens say; who says what goes to the call.
        chat = self.index.statistics.chat
        assert self._sentences is not None and chat is not None
        if not bool(reply.there.any()):
            return found
        heard = score_messages(whole, reply, self.index, self.threshold, self._sentences)
        call.replies = Replies(tuple(reply.begins.tolist()), heard.meant, chat.thinking)
        call.whole = whole.ids
        scores = torch.where(reply.there[:, None, None], heard.scores, found.scores)
        return EditScores(scores, torch.where(reply.there[:, None], heard.best, found.best))


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
        chat = index.statistics.chat
        read = None if self._read is None or chat is None else partial(self._read, chat.layers, len(chat.start))
        questions = questions_of([memory.gate.keys for memory in memories], [len(memory.edits) for memory in memories])
        return KeyRouter(index, SlotTable.of(memories), self.threshold, questions, read)

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
