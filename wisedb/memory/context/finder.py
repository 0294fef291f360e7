"""Which facts a prompt asks for, by the keys of the memories, before the model is called with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from wisedb.memory.context.found import AskedRow
from wisedb.memory.forward_call import ForwardCall, causal, up_to_position
from wisedb.memory.gates.decision import Decision
from wisedb.memory.gates.key_router import KeyRouter
from wisedb.memory.routing import Scope
from wisedb.memory.routing_context import RoutingContext
from wisedb.memory.slots import BASE
from wisedb.model.capture import capture
from wisedb.model.locate import Projection
from wisedb.model.tokens import pad_batch

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class PromptRow:
    """A prompt by itself.

    Attributes:
        ids: its token ids, without padding; one at least.
        ends: whether it is known to end there; otherwise an answer may stand behind it.
        told: the number of the memory that is to answer, None to ask the keys.
    """

    ids: tuple[int, ...]
    ends: bool = True
    told: int | None = None


class FactFinder:
    """Asks the keys, for each prompt by itself.

    Args:
        model: the model.
        context: the circumstances of its calls.
        projection: a module of it; its blocks are the model's.
        router_at: gives a router over the keys of all memories at a threshold.
        threshold: the score from which on an edit is meant.
        unsure: how far below that an edit's fact is put into the context all the same, where none is meant; 0 for not
            at all.
        in_context: the numbers of the memories whose facts go into the context where they are meant.
        owners: of each edit the number of its memory.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        context: RoutingContext,
        projection: Projection,
        router_at: Callable[[float], KeyRouter],
        threshold: float,
        unsure: float,
        in_context: Collection[int],
        owners: Sequence[int],
    ) -> None:
        self._model, self._context, self._projection = model, context, projection
        self._sure = router_at(threshold)
        self._unsure = router_at(threshold - unsure) if unsure else None
        self._in_context, self._owners = frozenset(in_context), tuple(owners)
        self.threshold = threshold

    def find(self, rows: Sequence[PromptRow]) -> list[AskedRow]:
        """What each prompt asks for, in their order."""
        found: dict[int, AskedRow] = {}
        for ends in (True, False):
            some = [number for number, row in enumerate(rows) if row.ends is ends]
            if some:
                found.update(zip(some, self._find([rows[number] for number in some], ends), strict=True))
        return [found[number] for number in range(len(rows))]

    def _find(self, rows: Sequence[PromptRow], ends: bool) -> list[AskedRow]:
        call = self._call([row.ids for row in rows])
        found = self._asked(rows, call, self._sure, ends)
        chosen = [self._with(row, self._sure_facts(row, told.told)) for row, told in zip(found, rows, strict=True)]
        if self._unsure is None:
            return chosen
        left = [number for number, row in enumerate(found) if rows[number].told is None and not self._meant(row)]
        if left:
            # Without what the first look kept.
            again = replace(call, key_decision=None, replies=None, whole=None, cache_states=[])
            nearly = self._asked(rows, again, self._unsure, ends)
            for number in left:
                chosen[number] = self._with(chosen[number], self._nearly(nearly[number]))
        return chosen

    def _call(self, rows: Sequence[Sequence[int]]) -> ForwardCall:
        with self._context.within(reading=True):
            seen = list(capture(self._model, self._projection, self._sure.index.statistics.layer, rows))
        ids, mask = pad_batch(rows, 0, "right")
        embedded, states = (
            torch.nn.utils.rnn.pad_sequence([getattr(each, name) for each in seen], batch_first=True)
            for name in ("tokens", "states")
        )
        return ForwardCall(None, ids.shape[0], ids.shape[1], mask=mask, ids=ids, embedded=embedded, states=states)

    def _asked(self, rows: Sequence[PromptRow], call: ForwardCall, router: KeyRouter, ends: bool) -> list[AskedRow]:
        device = torch.device("cpu")
        valid = call.valid(device)

        def scope(_seen: torch.Tensor | None) -> Scope:
            return up_to_position(valid, call.tokens) if ends else causal(valid)

        decision: Decision = router.decide(call, device, scope)
        assert decision.best is not None
        found = []
        for number, row in enumerate(rows):
            last = len(row.ids) - 1
            begins = -1 if call.replies is None else call.replies.begins[number]
            meant = () if call.replies is None else call.replies.meant[number]
            scores, best = decision.scores[number, last].clone(), int(decision.best[number, last])
            found.append(AskedRow((), begins >= 0, begins, scores, best, meant))
        return found

    def _with(self, row: AskedRow, facts: tuple[int, ...]) -> AskedRow:
        return replace(row, facts=facts, told=self._owners[facts[0]] if facts else BASE)

    def _meant(self, row: AskedRow) -> bool:
        return bool(row.meant) if row.chat else bool(row.scores.max() >= self.threshold)

    def _sure_facts(self, row: AskedRow, told: int | None) -> tuple[int, ...]:
        if told is not None:
            # Whoever is told the memory is told no edit: the one that is meant most of those in it.
            named = [edit.edit for edit in row.meant] or [row.best]
            return tuple(edit for edit in named if told in self._in_context and self._owners[edit] == told)
        edits = [edit.edit for edit in row.meant] if row.chat else [row.best] if self._meant(row) else []
        return tuple(edit for edit in edits if self._owners[edit] in self._in_context)

    def _nearly(self, row: AskedRow) -> tuple[int, ...]:
        assert self._unsure is not None
        if row.chat:
            return tuple(edit.edit for edit in row.meant)
        return (row.best,) if row.scores.max() >= self._unsure.threshold else ()
