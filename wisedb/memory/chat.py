"""What a chat model is asked apart from a forward call, and how what edits say gets into it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from wisedb.memory.answers import Answering, AnswerReader
from wisedb.memory.cache_state import cache_in
from wisedb.memory.forward_call import ForwardCall
from wisedb.memory.gates.keys.chat_statistics import ChatStatistics
from wisedb.memory.gates.keys.question_map import question_state
from wisedb.memory.gates.keys.questions import questions_of
from wisedb.memory.gates.keys.replies import Meant, Stretch, last_reply, said_by
from wisedb.memory.gates.keys.statistics import Statistics
from wisedb.memory.kinds.facts_in_context import FactsInContext
from wisedb.memory.memory import Memory
from wisedb.memory.routing import HostSlots
from wisedb.memory.routing_context import RoutingContext
from wisedb.model.capture import capture
from wisedb.model.locate import Projection

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class ChatReplies:
    """Lets edits say their sentences of a reply.

    Args:
        model: the model.
        context: the circumstances of its forward calls.
        projection: gives a module with memories; its blocks are the model's.
        silent: whether nothing answers for now.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        context: RoutingContext,
        projection: Callable[[], Projection],
        silent: Callable[[], bool],
    ) -> None:
        self._model, self._context, self._projection, self._silent = model, context, projection, silent
        self._answers: AnswerReader | None = None
        self._ends: frozenset[int] = frozenset()
        self._chat: ChatStatistics | None = None
        self._place: tuple[torch.device, torch.dtype] | None = None
        self._quiet: frozenset[int] = frozenset()

    def set(self, statistics: Statistics | None, gated: Sequence[Memory]) -> None:
        """Put other memories in the place of the present ones.

        Args:
            statistics: those of their keys, None without keys.
            gated: the gated memories, in the order in which they are counted.
        """
        self._answers, self._ends, self._chat = None, frozenset(), None
        # What facts in the context say, the model says by itself.
        self._quiet = frozenset(
            number for number, memory in enumerate(gated) if isinstance(memory.change, FactsInContext)
        )
        if statistics is not None and statistics.chat is not None:
            questions = questions_of([memory.gate.keys for memory in gated], [len(memory.edits) for memory in gated])
            self._answers = AnswerReader(statistics.chat, questions, self._run)
            self._ends, self._chat = statistics.sentence_ends(), statistics.chat

    @property
    def asked(self) -> bool:
        """Whether any memory can answer in a chat."""
        return self._answers is not None

    def said(self, meant: Sequence[Meant], reply: Sequence[int], asked: Sequence[int]) -> list[tuple[int, range]]:
        """See :meth:`wisedb.memory.hooks.AttachedMemories.said`."""
        begun = self._begun(asked)
        meant = [edit for edit in meant if edit.memory not in self._quiet]
        found = said_by(meant, [*begun, *reply], self._ends, None if self._chat is None else self._chat.thinking)
        spans = ((edit.edit, places.start - len(begun), places.stop - len(begun)) for edit, places in found)
        return [(edit, range(max(0, start), min(stop, len(reply)))) for edit, start, stop in spans if stop > 0]

    def _begun(self, asked: Sequence[int]) -> list[int]:
        # What of the reply stands in the prompt: its beginning, or that of its thought.
        if self._chat is None or not asked:
            return []
        ids = torch.tensor([list(asked)])
        begins = int(last_reply(ids, torch.ones_like(ids, dtype=torch.bool), self._chat).begins)
        return [] if begins < 0 else list(asked[begins + 1 :])

    def read(self, layers: Sequence[int], begins: int, conversations: Sequence[Sequence[int]]) -> torch.Tensor:
        """What some conversations ask, (n, 2·d), as the base model has it where it enters some blocks.

        Args:
            layers: the blocks, the highest one last.
            begins: where their message begins.
            conversations: of one message each, as token ids up to where the reply begins.
        """
        with self._context.within(reading=True):
            seen = capture(self._model, self._projection(), layers, conversations)
            return torch.stack([question_state(each.states[begins:]) for each in seen])

    def after_last_block(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        """The hook of the last block: what edits say stands in the place of what it gave."""
        states: torch.Tensor = output if isinstance(output, torch.Tensor) else output[0]
        context = self._context
        if context.reading:
            if context.answering is not None:
                context.answering.states.append(states.detach().reshape(*context.answering.there.shape, -1))
            return None
        if context.call is None or self._silent():
            return None
        changed = self._with_replies(context.call, states)
        return changed if isinstance(output, torch.Tensor) else (changed, *output[1:])

    # No compiler sees what is said in a chat.
    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _with_replies(self, call: ForwardCall, states: torch.Tensor) -> torch.Tensor:
        """What the last block gives, (B, T, d_model), with what edits say in the place of the model's own."""
        generation = self._context.generation
        replies, ids = (call.replies, call.whole) if generation is None else (generation.replies, generation.ids)
        if replies is not None and self._quiet:
            replies = replies.without(self._quiet)
            if not replies.answers and generation is not None:
                generation.replies = None
        if replies is None or not replies.answers or ids is None or self._answers is None:
            return states
        if self._place != (place := (self._model.device, self._model.dtype)):
            self._place = place
            self._answers.forget()
        shape, before = states.shape, ids.shape[1] - call.tokens
        states = states.reshape(call.rows, call.tokens, -1)
        sequences = ids.tolist()
        stretches = replies.stretches(sequences, call.tokens, self._ends)
        if not stretches and generation is not None and not replies.thinks(sequences):
            # Sentences only ever end: from here on all is the base model's.
            generation.replies = None
        for stretch in stretches:
            columns = torch.tensor(stretch.places, device=states.device) + replies.begins[stretch.row] - before
            said = self._said(stretch).to(states.device, states.dtype)
            states = states.index_put((torch.full_like(columns, stretch.row), columns), said)
        return states.reshape(shape)

    def _said(self, stretch: Stretch) -> torch.Tensor:
        """What the last block gives at the places of a stretch, (n, d_model)."""
        assert self._answers is not None and self._chat is not None
        if stretch.after and stretch.meant.ends:
            assert self._chat.closing is not None
            return self._chat.closing.state[None]
        return self._answers.text(stretch.meant) if stretch.after else self._answers(stretch)

    def _run(self, ids: Sequence[int], first: int, meant: Meant, cache: Any) -> tuple[torch.Tensor, Any]:
        """What the last block gives for tokens, (T, d_model), where a memory says an edit from the ``first`` one on."""
        context, device = self._context, self._model.device
        there = (torch.arange(len(ids), device=device) >= first)[None]
        slot = context.slot_table.slot_of(meant.memory, meant.edit)
        answering = Answering(HostSlots([slot], context.slot_table), there, [])
        with context.within(reading=True, answering=answering):
            # Without the output embeddings, which are wide.
            output = self._model.base_model(
                input_ids=torch.tensor([list(ids)], device=device), past_key_values=cache, use_cache=True
            )
        return answering.states[0][0], cache_in(output)
