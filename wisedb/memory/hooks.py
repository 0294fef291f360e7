"""Let memories answer beside the modules of a living model, by hooks alone, and take them away again.

The model's modules, parameters and ``state_dict()`` stay what they were: a forward hook on each module that a memory
changes puts in what the memory says. Always-on memories add up, at every position. Of the gated ones, one at a time
answers a position, on top of those; which one, the gates' routers say (:mod:`wisedb.memory.gates.site_router`).

Where the route is decided:

- inside ``generate``: on the prompt, and held to the end of the answer, whatever cache, beams or sampling;
- in a forward with ``labels``, or under :meth:`AttachedMemories.boundary`: on the prompt, for the whole row;
- in any other forward: at every position on the tokens up to it, across calls that share a cache;
- by keys in a conversation behind a chat template, in all of these: on the user's message in front of the last reply.
  What it asks for is read apart (:mod:`wisedb.memory.answers`) and stands in the reply's first sentences; all else is
  the base model's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import nn

from wisedb.errors import UsageError
from wisedb.memory.bank import CACHE_BYTES
from wisedb.memory.chat import ChatReplies
from wisedb.memory.context.build import UnsureFacts, facts_in_front
from wisedb.memory.context.finder import PromptRow
from wisedb.memory.context.front import FactsInFront, ForwardFacts
from wisedb.memory.forward_hooks import ForwardHooks
from wisedb.memory.gates.base import GateName
from wisedb.memory.gates.key_router import KeyRouterBuilder
from wisedb.memory.gates.keys.replies import Meant
from wisedb.memory.generate_methods import GenerateMethods
from wisedb.memory.memory import Memory
from wisedb.memory.routing import HostSlots
from wisedb.memory.routing_context import RoutingContext
from wisedb.memory.site import Site
from wisedb.memory.slots import BASE, SlotTable
from wisedb.memory.trace import TraceLog
from wisedb.model.locate import Projection, locate

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

ASKED: tuple[GateName, ...] = ("keys", "both", "nearest", "overlap", "activation")
"""The gates, in the order in which they are asked."""

_ATTRIBUTE = "_wisedb_memories"


def attach(
    model: PreTrainedModel,
    memories: Memory | Sequence[Memory],
    *,
    projections: Mapping[str, Projection] | None = None,
    key_threshold: float = 0.0,
    cache_bytes: int = CACHE_BYTES,
    tokenizer: PreTrainedTokenizerBase | None = None,
    unsure: UnsureFacts | None = None,
) -> AttachedMemories:
    """Let memories answer beside a model's modules.

    Args:
        model: the model.
        memories: any number; they say by themselves which modules they change and which gate they stand behind.
        projections: modules that :func:`wisedb.model.locate.locate` found already, by their paths.
        key_threshold: how strict the keys are, in log odds; 0 is what was fitted, more fires less.
        cache_bytes: bytes that matrices may take beside the packed memories at each module. Where they are too
            few for all of them, a matrix is made for the answers that need it. Those that stand behind the activation
            alone are multiplied with every prompt, and are kept all the same.
        tokenizer: words what goes into the context; memories whose facts do need it.
        unsure: facts that go into the context where the keys are unsure.

    Raises:
        UsageError: memories are attached already, one was made for another shape, or facts without a tokenizer.
        UnsupportedModel: the model has no such module.
    """
    if handle_of(model) is not None:
        raise UsageError("the model has memories already", hint="Use the handle's set(), or detach() it first.")
    return AttachedMemories(model, memories, projections, key_threshold, cache_bytes, tokenizer, unsure)


def handle_of(model: nn.Module) -> AttachedMemories | None:
    """The handle of the memories that are attached to the model, if any are."""
    handle = model.__dict__.get(_ATTRIBUTE)
    return handle if isinstance(handle, AttachedMemories) else None


class AttachedMemories:
    """The handle of attached memories; made by :func:`attach`."""

    def __init__(
        self,
        model: PreTrainedModel,
        memories: Memory | Sequence[Memory],
        projections: Mapping[str, Projection] | None = None,
        key_threshold: float = 0.0,
        cache_bytes: int = CACHE_BYTES,
        tokenizer: PreTrainedTokenizerBase | None = None,
        unsure: UnsureFacts | None = None,
    ) -> None:
        self._model, self._tokenizer = model, tokenizer
        self._projections = dict(projections or {})
        self._context = RoutingContext()
        self._facts = ForwardFacts(model, self._context)
        self._hooks = ForwardHooks(model, self._context, self)
        self._methods = GenerateMethods(model, self._context, self, self._now_in_front)
        self._chat = ChatReplies(model, self._context, self._hooks.some_projection, self._hooks.quiet)
        self._key_routers = KeyRouterBuilder(model, key_threshold, self._chat.read)
        self._cache_bytes = cache_bytes
        self._gated: tuple[Memory, ...] = ()
        self._always: tuple[Memory, ...] = ()
        self._unsure: UnsureFacts | None = None
        self.set(memories, unsure)
        self._hooks.start()
        self._methods.install()
        model.__dict__[_ATTRIBUTE] = self

    def projection(self, module: str) -> Projection:
        """A module of the model, located once.

        Raises:
            UnsupportedModel: the model has no such module.
        """
        if module not in self._projections:
            self._projections[module] = locate(self._model, module)
        return self._projections[module]

    @property
    def memories(self) -> tuple[Memory, ...]:
        """The gated memories, in the order in which they are counted."""
        return self._gated

    @property
    def always_on(self) -> tuple[Memory, ...]:
        """The memories that answer everywhere."""
        return self._always

    @property
    def silent(self) -> bool:
        """Whether nothing answers for now, always-on memories neither."""
        return self._context.bare

    @property
    def router(self) -> str | None:
        """Who decides: the gates' names in the order in which they are asked, ``None`` without gated memories."""
        names = {memory.gate.name for memory in self._gated}
        return "+".join(name for name in ASKED if name in names) or None

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The score from which on each memory may answer, in its router's units."""
        units = {"keys": self._key_routers.threshold, "both": self._key_routers.threshold, "nearest": 0.0}
        return tuple(units.get(memory.gate.name, memory.gate.threshold) for memory in self._gated)

    def said(self, meant: Sequence[Meant], reply: Sequence[int], asked: Sequence[int] = ()) -> list[tuple[int, range]]:
        """Which tokens of a reply memories give, before they leave the rest to the base model.

        Args:
            meant: the edits that the reply says, as :attr:`wisedb.memory.trace.TraceLog.meant` has them.
            reply: the reply's token ids.
            asked: those of the prompt, in which the reply, or its thought, may have begun.

        Returns:
            Each edit with its tokens, in their order.
        """
        return self._chat.said(meant, reply, asked)

    @property
    def unsure(self) -> UnsureFacts | None:
        """The facts that go into the context where the keys are unsure."""
        return self._unsure

    @property
    def puts_facts(self) -> bool:
        """Whether facts may go into the context."""
        return self._facts.front is not None

    def facts_of(self, prompts: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
        """The edits whose facts would go into the context of prompts, given as token ids, one at least each.

        Counted over the edits of :attr:`memories`.
        """
        if (front := self._facts.front) is None or not prompts:
            return [() for _ in prompts]
        return [row.facts for row in front.finder.find([PromptRow(tuple(ids)) for ids in prompts])]

    def set(self, memories: Memory | Sequence[Memory], unsure: UnsureFacts | None = None) -> None:
        """Put other memories in the place of the present ones.

        Args:
            memories: the others.
            unsure: facts that go into the context where the keys are unsure; none by default.

        Raises:
            UsageError: a memory of another shape, keys that rest on different statistics, or keys of a memory at a
                module that computes before they can be compared; nothing is changed then.
            UnsupportedModel: the model has no such module.
        """
        several = (memories,) if isinstance(memories, Memory) else tuple(memories)
        gated = tuple(memory for memory in several if not memory.always_on)
        always = tuple(memory for memory in several if memory.always_on)
        modules = dict.fromkeys(module for memory in several for module in memory.modules)
        keys = self._key_routers.router_for(gated)
        sites = {
            module: Site(self.projection(module), always, gated, keys, self._cache_bytes, self._hooks.sites.get(module))
            for module in modules
        }
        for site in sites.values():
            site.check_keys(keys)
        front = facts_in_front(self._model, self._context, self.projection, keys, gated, self._tokenizer, unsure)
        self._gated, self._always, self._unsure = gated, always, unsure
        self._facts.set(front)
        self._chat.set(None if keys is None else keys.index.statistics, gated)
        self._context.slot_table = SlotTable.of(gated)
        heard = self._chat.after_last_block if self._chat.asked else None
        self._hooks.set(sites, keys, heard)

    def detach(self) -> None:
        """Take everything away: the model is what it was before :func:`attach`."""
        self._hooks.remove()
        self._facts.remove()
        if handle_of(self._model) is self:
            del self._model.__dict__[_ATTRIBUTE]
            self._methods.restore()

    def _now_in_front(self) -> FactsInFront | None:
        return self._facts.front

    @contextmanager
    def oracle(self, routes: Sequence[int] | torch.Tensor, meant: Sequence[int] | None = None) -> Iterator[None]:
        """Tell each sequence its memory instead of letting the gates choose.

        Args:
            routes: one a sequence: the memory's number, or -1 for the base. A codebook answers by the nearest of its
                keys, however far that is.
            meant: one a sequence: of a memory that has a row for each of its edits, which of these; 0 for the first,
                and if nothing is said.

        Raises:
            UsageError: a number that no memory, or none of its edits, has.
        """
        told = [int(route) for route in routes]
        if any(not BASE <= route < len(self._gated) for route in told):
            raise UsageError(f"a route must be -1 or one of {len(self._gated)} memories", hint="Count them from 0.")
        table = self._context.slot_table
        rows = {number for number, _ in table.rows}
        edits = [0] * len(told) if meant is None else [int(edit) for edit in meant]
        if any(route in rows and not 0 <= edit < table.sizes[route] for route, edit in zip(told, edits, strict=True)):
            raise UsageError("a memory holds no edit of that number", hint="Count its edits from 0.")
        slots = [
            BASE if route == BASE else table.first[route] + (edit if route in rows else 0)
            for route, edit in zip(told, edits, strict=True)
        ]
        with self._context.within(oracle=HostSlots(slots, table)):
            yield

    @contextmanager
    def boundary(self, prompt_lengths: Sequence[int] | torch.Tensor) -> Iterator[None]:
        """Say where the prompts end, for scoring answers without ``labels``.

        Args:
            prompt_lengths: for each row, how many of its real tokens are the prompt; padding doesn't count.
        """
        with self._context.within(prompt_lengths=torch.as_tensor(prompt_lengths)):
            yield

    @contextmanager
    def record(self, *, every: bool = False) -> Iterator[TraceLog]:
        """Collect the decisions that are taken inside.

        Args:
            every: measure activations too where others decide, for an explanation.
        """
        log = TraceLog([memory.gate.name for memory in self._gated], every=every)
        with self._context.within(logs=(*self._context.logs, log)):
            yield log
