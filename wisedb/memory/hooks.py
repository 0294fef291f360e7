"""Let memories answer beside the modules of a living model, by hooks alone, and take them away again.

The model's modules, parameters and ``state_dict()`` stay what they were: a forward hook on each module that a memory
changes puts in what the memory says. Always-on memories add up, at every position. Of the gated ones, one at a time
answers a position, on top of those; which one, the gates' routers say (:mod:`wisedb.memory.gates.choice`).

Where the route is decided:

- inside ``generate``: on the prompt, and held to the end of the answer, whatever cache, beams or sampling;
- in a forward with ``labels``, or under :meth:`AttachedMemories.boundary`: on the prompt, for the whole row;
- in any other forward: at every position on the tokens up to it, across calls that share a cache.
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
from wisedb.memory.bank import ROOM
from wisedb.memory.cache_state import cache_in, leave, length_of
from wisedb.memory.forward_call import Call, causal, up_to_labels, up_to_lengths, up_to_position
from wisedb.memory.gates.base import GateName
from wisedb.memory.gates.choice import KeyRouters, Verdict
from wisedb.memory.gates.decision import Scoping
from wisedb.memory.gates.key_router import KeyRouter
from wisedb.memory.generation import Hold, hold_for
from wisedb.memory.memory import Memory
from wisedb.memory.routing import Scope, Selection, answer, combine
from wisedb.memory.site import Site
from wisedb.memory.slots import BASE, Slots
from wisedb.memory.trace import Record, Trace
from wisedb.model.capture import entering
from wisedb.model.locate import Projection, locate

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle
    from transformers import PreTrainedModel

ASKED: tuple[GateName, ...] = ("keys", "both", "nearest", "activation")
"""The gates, in the order in which they are asked."""

_ATTRIBUTE = "_wisedb_memories"


def attach(
    model: PreTrainedModel,
    memories: Memory | Sequence[Memory],
    *,
    projections: Mapping[str, Projection] | None = None,
    level: float = 0.0,
    room: int = ROOM,
) -> AttachedMemories:
    """Let memories answer beside a model's modules.

    Args:
        model: the model.
        memories: any number; they say by themselves which modules they change and which gate they stand behind.
        projections: modules that :func:`wisedb.model.locate.locate` found already, by their paths.
        level: how strict the keys are, in log odds; 0 is what was fitted, more fires less.
        room: bytes that matrices may take beside the packed memories at each module. Where it is too small for all of
            them, a matrix is made for the answers that need it. Those that stand behind the activation alone are
            multiplied with every prompt, and are kept whatever the room.

    Raises:
        UsageError: memories are attached already, or one that was made for another shape.
        UnsupportedModel: the model has no such module.
    """
    if handle_of(model) is not None:
        raise UsageError("the model has memories already", hint="Use the handle's set(), or detach() it first.")
    return AttachedMemories(model, memories, projections, level, room)


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
        level: float = 0.0,
        room: int = ROOM,
    ) -> None:
        self._model = model
        self._projections = dict(projections or {})
        self._key_routers = KeyRouters(model, level)
        self._room = room
        self._call: Call | None = None
        self._holds: list[Hold] = []
        self._oracle: Selection | None = None
        self._lengths: torch.Tensor | None = None
        self._records: list[Record] = []
        self._sites: dict[str, Site] = {}
        self._gated: tuple[Memory, ...] = ()
        self._always: tuple[Memory, ...] = ()
        self._slots = Slots((), ())
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
        self._own_generate = model.__dict__.get("generate")
        if hasattr(model, "generate"):
            model.__dict__["generate"] = self._generate
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
        units = {"keys": self._key_routers.level, "both": self._key_routers.level, "nearest": 0.0}
        return tuple(units.get(memory.gate.name, memory.gate.threshold) for memory in self._gated)

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
            module: Site(self.projection(module), always, gated, keys, self._room, self._sites.get(module))
            for module in modules
        }
        for site in sites.values():
            site.check_keys(keys)
        self._sites, self._gated, self._always, self._keys = sites, gated, always, keys
        self._slots = Slots.of(gated)
        self._hook()

    def detach(self) -> None:
        """Take everything away: the model is what it was before :func:`attach`."""
        for hook in (*self._hooks, *self._site_hooks):
            hook.remove()
        self._hooks, self._site_hooks = [], []
        if handle_of(self._model) is not self:
            return
        del self._model.__dict__[_ATTRIBUTE]
        if self._model.__dict__.get("generate") == self._generate:
            del self._model.__dict__["generate"]
            if self._own_generate is not None:
                self._model.__dict__["generate"] = self._own_generate

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
        slots = [BASE if route == BASE else self._slots.first[route] for route in told]
        outer, self._oracle = self._oracle, Selection(slots, self._slots)
        try:
            yield
        finally:
            self._oracle = outer

    @contextmanager
    def boundary(self, prompt_lengths: Sequence[int] | torch.Tensor) -> Iterator[None]:
        """Say where the prompts end, for scoring answers without ``labels``.

        Args:
            prompt_lengths: for each row, how many of its real tokens are the prompt; padding doesn't count.
        """
        outer, self._lengths = self._lengths, torch.as_tensor(prompt_lengths)
        try:
            yield
        finally:
            self._lengths = outer

    @contextmanager
    def record(self, *, every: bool = False) -> Iterator[Record]:
        """Collect the decisions that are taken inside.

        Args:
            every: measure activations too where others decide, for an explanation.
        """
        record = Record([memory.gate.name for memory in self._gated], every=every)
        self._records.append(record)
        try:
            yield record
        finally:
            self._records.remove(record)

    def _hook(self) -> None:
        for hook in self._site_hooks:
            hook.remove()
        self._site_hooks = [
            site.projection.module.register_forward_hook(partial(self._after_module, site))
            for site in self._sites.values()
        ]
        if self._keys is not None:
            blocks = next(iter(self._sites.values())).projection.blocks
            door = blocks[self._keys.index.statistics.layer]
            self._site_hooks.append(door.register_forward_pre_hook(self._before_block, with_kwargs=True))

    @property
    def _banks(self) -> int:
        """How many sites have gated memories."""
        return sum(site.router is not None for site in self._sites.values())

    def _generate(self, *args: Any, **kwargs: Any) -> Any:
        generate = self._own_generate or partial(type(self._model).generate, self._model)
        if not self.memories:
            return generate(*args, **kwargs)
        self._holds.append(hold_for(self._model, self._slots, args, kwargs))
        try:
            return generate(*args, **kwargs)
        finally:
            self._holds.pop()

    @property
    def _silent(self) -> bool:
        """Whether nothing answers for now, always-on memories neither: an adapter can be switched off."""
        return False

    @property
    def _idle(self) -> bool:
        """Whether all rows of the running ``generate`` are known to be the base's."""
        return bool(self._holds) and self._oracle is None and self._holds[-1].idle(self._banks)

    def _before_call(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        outermost = module is self._model
        if not self.memories or not (outermost or self._call is None) or self._idle:
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
        cache = given.get("past_key_values")
        self._call = Call(
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

    def _after_embedding(self, module: nn.Module, args: tuple[Any, ...], output: torch.Tensor) -> None:
        call = self._call
        if self._keys is None or call is None or call.embedded is not None:
            return
        if output.numel() == call.rows * call.tokens * output.shape[-1]:
            call.embedded = output

    def _before_block(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self._keys is not None and self._call is not None:
            self._call.states = entering(args, kwargs)

    def _after_call(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        call = self._call
        if call is not None and call.module is module:
            self._call = None
            if call.kept and (cache := cache_in(output)) is not None:
                for state in call.kept:
                    leave(cache, state)
            if output is not None:
                self._write_down(call)
        if self._holds and output is not None:
            self._holds[-1].settle()

    def _after_module(
        self, site: Site, module: nn.Module, args: tuple[Any, ...], output: torch.Tensor
    ) -> torch.Tensor | None:
        if self._silent:
            return None
        flat: torch.Tensor = args[0]
        changed = site.always(flat, output)
        if site.router is None or self._idle:
            return changed
        call = self._call or Call(None, *(flat.shape[:2] if flat.ndim == 3 else (1, flat.shape[0])))
        # Some families (OPT) lay all tokens in one row.
        inputs = flat.reshape(call.rows, call.tokens, flat.shape[-1])
        given = (output if changed is None else changed).reshape(call.rows, call.tokens, output.shape[-1])
        return self._answer(site, call, inputs, given).reshape(output.shape)

    def _answer(self, site: Site, call: Call, inputs: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        """A module's output (B, T, d_out) with the gated memories' part, from what entered it, (B, T, d_in)."""
        assert site.router is not None
        bank, module = site.bank, site.projection.name
        hold = self._holds[-1] if self._holds else None
        oracle = self._oracle
        held = hold.selections.get(module) if hold is not None else None
        decided = hold is not None and module in hold.routes
        # Which key of a told codebook answers is found at the prompt, and held as any other route.
        told = held if site.router.by_distance and oracle is not None else oracle or held
        if told is not None and (decided or not self._records):
            # Only without a cache is the prompt seen again.
            again = hold is not None and isinstance(call.past, int) and call.past == 0
            return told.apply(output, inputs, bank, hold.since if hold is not None and again else None)
        # The host may look once a call where that costs nothing, where generate would look all the same, or where
        # computing everything would cost more.
        compiling = torch.compiler.is_compiling()
        call.look = not compiling and (inputs.device.type == "cpu" or hold is not None or not bank.complete)
        call.watched = bool(self._records)
        scoping = partial(self._scope, call, hold, inputs.device)
        slots = None if oracle is None else torch.tensor(oracle.expanded(call.rows), device=inputs.device)
        verdict = site.router.decide(call, inputs, scoping, slots)
        if hold is not None:
            hold.routes[module], hold.since = verdict.routes[:, -1], call.since
        self._note(call, hold, site, inputs, verdict, scoping)
        if verdict.added is not None:
            return combine(output, verdict.routes, verdict.added)
        if hold is not None and call.look:
            return hold.settled(module).apply(output, inputs, bank, call.since)
        return answer(output, inputs, verdict.routes, bank, look=call.look, since=call.since)

    def _note(
        self, call: Call, hold: Hold | None, site: Site, inputs: torch.Tensor, verdict: Verdict, scoping: Scoping
    ) -> None:
        """Write a decision down where somebody records: of beams and returned sequences, one."""
        if not self._records:
            return
        once = call.rows // hold.prompts if hold is not None else 1
        scores = dict(verdict.scores)
        if any(record.every for record in self._records):
            assert site.router is not None
            measured = site.router.unasked(call, inputs, scoping)
            scores["activation"] = torch.maximum(scores.get("activation", measured), measured)
        best = None if verdict.best is None else verdict.best[::once, -1]
        last = self._slots.numbers(verdict.routes[::once, -1])
        call.traces.append(Trace(last, {name: values[::once, -1] for name, values in scores.items()}, best))
        if call.module is None:
            self._write_down(call)

    def _write_down(self, call: Call) -> None:
        """Let the records have what was decided at all modules of a call."""
        if call.traces:
            joined = Trace.joined(call.traces)
            for record in self._records:
                record.add(joined)

    def _scope(self, call: Call, hold: Hold | None, device: torch.device, seen: torch.Tensor | None) -> Scope:
        valid = call.valid(device)
        if hold is not None:
            return up_to_position(valid, valid.shape[1] if hold.boundary is None else hold.boundary)
        begun = torch.zeros(call.rows, dtype=torch.bool, device=device) if seen is None else seen
        if self._lengths is not None:
            return up_to_lengths(valid, self._lengths, begun)
        if call.labels is not None:
            return up_to_labels(valid, call.labels, begun)
        return causal(valid)
