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

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from wisedb.errors import UsageError
from wisedb.memory.bank import CACHE_BYTES
from wisedb.memory.cache_state import cache_given, cache_in, length_of, save_state
from wisedb.memory.chat import ChatReplies
from wisedb.memory.forward_call import ForwardCall
from wisedb.memory.gates.base import GateName
from wisedb.memory.gates.key_router import KeyRouter, KeyRouterBuilder
from wisedb.memory.gates.keys.replies import Meant
from wisedb.memory.generation import generate_call_of
from wisedb.memory.memory import Memory
from wisedb.memory.routing import HostSlots
from wisedb.memory.routing_context import RoutingContext
from wisedb.memory.site import Site
from wisedb.memory.slots import BASE, SlotTable
from wisedb.memory.trace import TraceLog
from wisedb.model.capture import block_input
from wisedb.model.locate import Projection, locate

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle
    from transformers import PreTrainedModel

ASKED: tuple[GateName, ...] = ("keys", "both", "nearest", "activation")
"""The gates, in the order in which they are asked."""

_ATTRIBUTE = "_wisedb_memories"
# Methods of the model that are called through the handle.
_REPLACED = ("generate", "prepare_inputs_for_generation")


def attach(
    model: PreTrainedModel,
    memories: Memory | Sequence[Memory],
    *,
    projections: Mapping[str, Projection] | None = None,
    key_threshold: float = 0.0,
    cache_bytes: int = CACHE_BYTES,
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

    Raises:
        UsageError: memories are attached already, or one that was made for another shape.
        UnsupportedModel: the model has no such module.
    """
    if handle_of(model) is not None:
        raise UsageError("the model has memories already", hint="Use the handle's set(), or detach() it first.")
    return AttachedMemories(model, memories, projections, key_threshold, cache_bytes)


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
    ) -> None:
        self._model = model
        self._projections = dict(projections or {})
        self._context = RoutingContext()
        self._chat = ChatReplies(model, self._context, self._some_projection, self._quiet)
        self._key_routers = KeyRouterBuilder(model, key_threshold, self._chat.read)
        self._cache_bytes = cache_bytes
        self._sites: dict[str, Site] = {}
        self._gated: tuple[Memory, ...] = ()
        self._always: tuple[Memory, ...] = ()
        self._keys: KeyRouter | None = None
        self._site_hooks: list[RemovableHandle] = []
        self._hooks: list[RemovableHandle] = []
        self.set(memories)
        if isinstance(embedding := getattr(model, "get_input_embeddings", lambda: None)(), nn.Module):
            self._hooks.append(embedding.register_forward_hook(self._after_embedding))
        # The model without its head may be called by itself; whichever is called first speaks for the call.
        self._names: list[list[str]] = []
        for module in dict.fromkeys((model, model.base_model)):
            self._names.append(list(inspect.signature(module.forward).parameters))
            self._hooks.append(module.register_forward_pre_hook(self._before_call, with_kwargs=True))
            self._hooks.append(module.register_forward_hook(self._after_call, always_call=True))
        self._own = {name: model.__dict__.get(name) for name in _REPLACED}
        for name, ours in zip(_REPLACED, (self._generate, self._prepare_inputs), strict=True):
            if hasattr(model, name):
                model.__dict__[name] = ours
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

    def set(self, memories: Memory | Sequence[Memory]) -> None:
        """Put other memories in the place of the present ones.

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
            module: Site(self.projection(module), always, gated, keys, self._cache_bytes, self._sites.get(module))
            for module in modules
        }
        for site in sites.values():
            site.check_keys(keys)
        self._sites, self._gated, self._always, self._keys = sites, gated, always, keys
        self._chat.set(None if keys is None else keys.index.statistics, gated)
        self._context.slot_table = SlotTable.of(gated)
        self._hook()

    def detach(self) -> None:
        """Take everything away: the model is what it was before :func:`attach`."""
        for hook in (*self._hooks, *self._site_hooks):
            hook.remove()
        self._hooks, self._site_hooks = [], []
        if handle_of(self._model) is not self:
            return
        del self._model.__dict__[_ATTRIBUTE]
        for name, ours in zip(_REPLACED, (self._generate, self._prepare_inputs), strict=True):
            if self._model.__dict__.get(name) == ours:
                del self._model.__dict__[name]
                if (own := self._own[name]) is not None:
                    self._model.__dict__[name] = own

    @contextmanager
    def oracle(self, routes: Sequence[int] | torch.Tensor) -> Iterator[None]:
        """Tell each sequence its memory instead of letting the gates choose.

        Args:
            routes: one a sequence: the memory's number, or -1 for the base. A codebook answers by the nearest of its
                keys, however far that is.

        Raises:
            UsageError: a number that no memory has.
        """
        told = [int(route) for route in routes]
        if any(not BASE <= route < len(self._gated) for route in told):
            raise UsageError(f"a route must be -1 or one of {len(self._gated)} memories", hint="Count them from 0.")
        table = self._context.slot_table
        slots = [BASE if route == BASE else table.first[route] for route in told]
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

    def _hook(self) -> None:
        for hook in self._site_hooks:
            hook.remove()
        self._site_hooks = [
            site.projection.module.register_forward_hook(partial(self._after_module, site))
            for site in self._sites.values()
        ]
        if self._keys is not None:
            blocks = self._some_projection().blocks
            block = blocks[self._keys.index.statistics.layer]
            self._site_hooks.append(block.register_forward_pre_hook(self._before_block, with_kwargs=True))
            if self._chat.asked:
                self._site_hooks.append(blocks[-1].register_forward_hook(self._chat.after_last_block))

    def _generate(self, *args: Any, **kwargs: Any) -> Any:
        generate = self._own["generate"] or partial(type(self._model).generate, self._model)
        if not self.memories:
            return generate(*args, **kwargs)
        call = generate_call_of(self._model, self._context.slot_table, args, kwargs)
        with self._context.within(generations=(*self._context.now.generations, call), call=None):
            return generate(*args, **kwargs)

    def _prepare_inputs(self, input_ids: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        # Where the tokens so far are seen row by row, whatever beams did to the rows.
        if self._context.generation is not None:
            self._context.generation.ids = input_ids
        name = "prepare_inputs_for_generation"
        prepare = self._own[name] or partial(getattr(type(self._model), name), self._model)
        return prepare(input_ids, *args, **kwargs)

    def _some_projection(self) -> Projection:
        return next(iter(self._sites.values())).projection

    @property
    def _silent(self) -> bool:
        """Whether nothing answers for now, always-on memories neither: an adapter can be switched off."""
        return self._context.bare

    def _quiet(self) -> bool:
        return self._silent or self._idle

    @property
    def _idle(self) -> bool:
        """Whether all rows of the running ``generate`` are known to be the base's."""
        return self._context.idle(sum(site.router is not None for site in self._sites.values()))

    def _before_call(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        outermost = module is self._model
        if getattr(module, "_is_replica", False) and (self.memories or self.always_on):
            raise UsageError(
                "memories don't answer in the replicas that nn.DataParallel makes of a model",
                hint="Use one process a GPU (DistributedDataParallel), or device_map for a model in parts.",
            )
        if self._context.reading or not self.memories or not (outermost or self._context.call is None) or self._idle:
            return
        names = self._names[0 if outermost else -1]
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        ids = given.get("input_ids")
        ids = given.get("inputs_embeds") if ids is None else ids
        if ids is None:
            return
        if given.get("cu_seq_lens_q") is not None:
            raise UsageError(
                "memories can't tell sequences apart that are packed into one row", hint="Use a padded batch."
            )
        cache = cache_given(given)
        call = ForwardCall(
            module,
            ids.shape[0],
            ids.shape[1],
            mask=given.get("attention_mask"),
            labels=given.get("labels"),
            cache=cache,
            past=length_of(cache),
            ids=given.get("input_ids"),
            embedded=given.get("inputs_embeds"),
        )
        self._context.set_call(call)

    def _after_embedding(self, module: nn.Module, args: tuple[Any, ...], output: torch.Tensor) -> None:
        call = self._context.call
        if self._context.reading or self._keys is None or call is None or call.embedded is not None:
            return
        if output.numel() == call.rows * call.tokens * output.shape[-1]:
            call.embedded = output

    def _before_block(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self._keys is not None and self._context.call is not None and not self._context.reading:
            self._context.call.states = block_input(args, kwargs)

    def _after_call(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if self._context.reading:
            return
        call = self._context.call
        if call is not None and call.module is module:
            self._context.set_call(None)
            if call.cache_states and (cache := cache_in(output)) is not None:
                for state in call.cache_states:
                    save_state(cache, state)
            if output is not None:
                self._context.log(call)
        if self._context.generation is not None and output is not None:
            self._context.generation.fetch_slots()

    def _after_module(
        self, site: Site, module: nn.Module, args: tuple[Any, ...], output: torch.Tensor
    ) -> torch.Tensor | None:
        if self._silent:
            return None
        flat: torch.Tensor = args[0]
        changed = site.always(flat, output)
        if site.router is None:
            return changed
        if (answering := self._context.answering) is not None:
            inputs = flat.reshape(*answering.there.shape, flat.shape[-1])
            given = (output if changed is None else changed).reshape(*answering.there.shape, output.shape[-1])
            answered = answering.slots.apply(given, inputs, site.bank, None, answering.there)
            return answered.reshape(output.shape)
        if self._idle:
            return changed
        call = self._context.call or ForwardCall(None, *(flat.shape[:2] if flat.ndim == 3 else (1, flat.shape[0])))
        # Some families (OPT) lay all tokens in one row.
        inputs = flat.reshape(call.rows, call.tokens, flat.shape[-1])
        given = (output if changed is None else changed).reshape(call.rows, call.tokens, output.shape[-1])
        return self._context.answer(site, call, inputs, given).reshape(output.shape)
