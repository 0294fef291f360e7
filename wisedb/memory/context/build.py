"""From memories to who puts facts in front of prompts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wisedb.errors import UsageError
from wisedb.memory.context.finder import FactFinder
from wisedb.memory.context.front import FactsInFront
from wisedb.memory.context.prefixes import FactPrefixes
from wisedb.memory.context.wording import FactWording
from wisedb.memory.gates.key_router import KeyRouter
from wisedb.memory.kinds.facts_in_context import Fact, FactsInContext
from wisedb.memory.memory import Memory
from wisedb.memory.routing_context import RoutingContext
from wisedb.memory.slots import SlotTable
from wisedb.model.locate import Projection

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class UnsureFacts:
    """Facts that go into the context where the keys are unsure.

    Attributes:
        below: how far below its threshold, in log odds, a score may be.
        facts: by the edit's id; edits that aren't there are never put into the context for that.
    """

    below: float
    facts: Mapping[str, Fact] = field(default_factory=dict)


def facts_in_front(
    model: PreTrainedModel,
    context: RoutingContext,
    projection: Callable[[str], Projection],
    keys: KeyRouter | None,
    gated: Sequence[Memory],
    tokenizer: PreTrainedTokenizerBase | None,
    unsure: UnsureFacts | None,
) -> FactsInFront | None:
    """Who puts the facts of some memories in front of prompts, None where none ever go there.

    Args:
        model: the model.
        context: the circumstances of its calls.
        projection: gives a module of it.
        keys: the router over the keys of all of them, None without keys.
        gated: the gated memories, in the order in which they are counted.
        tokenizer: the model's.
        unsure: facts that go there where the keys are unsure.

    Raises:
        UsageError: there are facts, and no tokenizer that could word them.
    """
    in_context = [number for number, memory in enumerate(gated) if isinstance(memory.change, FactsInContext)]
    if keys is None or not (in_context or unsure):
        return None
    if tokenizer is None:
        raise UsageError("facts can't be put into a context without a tokenizer", hint="Give attach() the tokenizer.")
    facts: dict[int, Fact] = {}
    listed = [(edit_id, number) for number, memory in enumerate(gated) for edit_id in memory.edits]
    for place, (edit_id, _) in enumerate(listed):
        if unsure is not None and edit_id in unsure.facts:
            facts[place] = unsure.facts[edit_id]
    place = 0
    for memory in gated:
        if isinstance(memory.change, FactsInContext):
            facts |= dict(enumerate(memory.change.facts, start=place))
        place += len(memory.edits)
    finder = FactFinder(
        model,
        context,
        projection(gated[0].modules[0]),
        keys.at,
        keys.threshold,
        0.0 if unsure is None else unsure.below,
        in_context,
        [number for _, number in listed],
    )
    chat = keys.index.statistics.chat
    return FactsInFront(
        model,
        context,
        finder,
        FactPrefixes(model, context, FactWording(tokenizer), facts),
        SlotTable.of(gated),
        None if chat is None else chat.thinking,
        bool(in_context),
    )
