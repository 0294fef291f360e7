"""Put side memories beside the projection of a living model, by hooks alone, and take them away again.

The model's modules, parameters and ``state_dict()`` stay what they were: a forward hook on the projection adds
A(x)·ΔW of the memory that answers (WISE §2.3.1: the output is A(x)·W_v' where it answers, else A(x)·W_v). Which one
that is, a router says (:mod:`wisedb.memory.gates.routers`).

Where the route is decided:

- inside ``generate``: on the prompt, and held to the end of the answer, whatever cache, beams or sampling;
- in a forward with ``labels``, or under :meth:`SideMemories.boundary`: on the prompt, for the whole row;
- in any other forward: at every position on the tokens up to it, across calls that share a cache.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

from wisedb.errors import UsageError
from wisedb.memory.bank import ROOM, Bank
from wisedb.memory.cache_state import cache_in, leave, length_of
from wisedb.memory.forward_call import Call, causal, up_to_labels, up_to_lengths, up_to_position
from wisedb.memory.gates.choice import RouterChoice
from wisedb.memory.gates.keys.statistics import relation_layer
from wisedb.memory.gates.routers import ActivationRouter, Decision, Router, RouterName
from wisedb.memory.generation import Hold, hold_for
from wisedb.memory.kinds.masked_delta import SideMemory
from wisedb.memory.routing import BASE, Scope, Selection, answer, combine
from wisedb.memory.trace import Record
from wisedb.model.capture import entering
from wisedb.model.locate import Projection

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Mode = Literal["merge", "retrieve"]

_ATTRIBUTE = "_wisedb_side_memories"


def attach(
    model: PreTrainedModel,
    projection: Projection,
    memories: SideMemory | Sequence[SideMemory],
    *,
    mode: Mode = "retrieve",
    router: RouterName | None = None,
    level: float = 0.0,
    room: int = ROOM,
) -> SideMemories:
    """Let the memories answer beside the model's projection.

    Args:
        model: the model that :func:`wisedb.model.locate.locate` looked at.
        projection: where the memories belong.
        memories: for ``"retrieve"`` any number, for ``"merge"`` the merged one (or none).
        mode: ``"merge"`` or ``"retrieve"``.
        router: who decides: ``"activation"``, ``"keys"`` or ``"both"``. None goes by the memories: without keys it is
            the activation; with keys it is the keys, and both where a memory has a threshold too.
        level: how strict the keys are, in log odds; 0 is what was fitted, more fires less.
        room: bytes that matrices may take beside the packed memories. Where it is too small for all of them, a matrix
            is made for the answers that need it. The activation router multiplies all of them with every prompt, and
            keeps them whatever the room.

    Raises:
        UsageError: memories are attached already, a memory of another shape, several under ``"merge"``, a router that
            there isn't, or keys asked for where a memory has none.
    """
    if handle_of(model) is not None:
        raise UsageError("the model has side memories already", hint="Use the handle's set(), or detach() it first.")
    return SideMemories(model, projection, memories, mode, router, level, room)


def handle_of(model: nn.Module) -> SideMemories | None:
    """The handle of the memories that are attached to the model, if any are."""
    handle = model.__dict__.get(_ATTRIBUTE)
    return handle if isinstance(handle, SideMemories) else None


class SideMemories:
    """The handle of attached memories; made by :func:`attach`.

    Attributes:
        projection: where they stand.
        mode: ``"merge"`` or ``"retrieve"``.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        projection: Projection,
        memories: SideMemory | Sequence[SideMemory],
        mode: Mode,
        router: RouterName | None = None,
        level: float = 0.0,
        room: int = ROOM,
    ) -> None:
        self.projection = projection
        self.mode = mode
        self._choice = RouterChoice(model, router, level)
        self._room = room
        self._model = model
        self._call: Call | None = None
        self._holds: list[Hold] = []
        self._oracle: Selection | None = None
        self._lengths: torch.Tensor | None = None
        self._records: list[Record] = []
        self._bank = Bank((), (projection.d_ff, projection.d_model))
        self._router: Router = ActivationRouter(self._bank)
        self._reads_keys = False
        self.set(memories)
        self._hooks = [projection.module.register_forward_hook(self._after_projection)]
        door = projection.blocks[relation_layer(projection)]
        self._hooks.append(door.register_forward_pre_hook(self._before_block, with_kwargs=True))
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

    @property
    def memories(self) -> tuple[SideMemory, ...]:
        """The memories, in the order that routes count them."""
        return self._bank.memories

    @property
    def router(self) -> RouterName:
        """Who decides."""
        return self._router.name

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The score from which on each memory may answer, in the router's units."""
        return self._router.thresholds

    def set(self, memories: SideMemory | Sequence[SideMemory]) -> None:
        """Put other memories in the place of the present ones.

        Raises:
            UsageError: a memory of another shape, several under ``"merge"``, or keys asked for where a memory has none;
                nothing is changed then.
        """
        several = (memories,) if isinstance(memories, SideMemory) else tuple(memories)
        if self.mode == "merge" and len(several) > 1:
            raise UsageError("'merge' takes one memory", hint="Merge them with ties_merge first, or use 'retrieve'.")
        bank = Bank(several, self._bank.shape, self._room)
        router = self._choice.router_for(bank)
        if router.name == "activation":
            bank.room = None
        weight = self.projection.module.weight
        if isinstance(weight, torch.Tensor) and not weight.is_meta:
            bank.place(weight.device, weight.dtype, self._bank)
        self._bank, self._router = bank, router
        self._reads_keys = router.name != "activation"

    def detach(self) -> None:
        """Take everything away: the model is what it was before :func:`attach`."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        if handle_of(self._model) is not self:
            return
        del self._model.__dict__[_ATTRIBUTE]
        if self._model.__dict__.get("generate") == self._generate:
            del self._model.__dict__["generate"]
            if self._own_generate is not None:
                self._model.__dict__["generate"] = self._own_generate

    @contextmanager
    def oracle(self, routes: Sequence[int] | torch.Tensor) -> Iterator[None]:
        """Tell each sequence its memory instead of letting the router choose.

        Args:
            routes: one a sequence: the memory's number, or -1 for the base.

        Raises:
            UsageError: a number that no memory has.
        """
        told = [int(route) for route in routes]
        if any(not BASE <= route < len(self._bank) for route in told):
            raise UsageError(f"a route must be -1 or one of {len(self._bank)} memories", hint="Count them from 0.")
        outer, self._oracle = self._oracle, Selection(told)
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
            every: ask the activation router too where the keys decide, for an explanation.
        """
        record = Record(len(self._bank), every=every)
        self._records.append(record)
        try:
            yield record
        finally:
            self._records.remove(record)

    def _generate(self, *args: Any, **kwargs: Any) -> Any:
        generate = self._own_generate or partial(type(self._model).generate, self._model)
        if not self.memories:
            return generate(*args, **kwargs)
        self._holds.append(hold_for(self._model, args, kwargs))
        try:
            return generate(*args, **kwargs)
        finally:
            self._holds.pop()

    @property
    def _idle(self) -> bool:
        """Whether all rows of the running ``generate`` are known to be the base's."""
        held = self._holds[-1].selection if self._holds else None
        return held is not None and held.idle and self._oracle is None

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
                "side memories can't tell sequences apart that are packed into one row", hint="Use a padded batch."
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
        if not self._reads_keys or call is None or call.embedded is not None:
            return
        if output.numel() == call.rows * call.tokens * output.shape[-1]:
            call.embedded = output

    def _before_block(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self._reads_keys and self._call is not None:
            self._call.states = entering(args, kwargs)

    def _after_call(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        call = self._call
        if call is not None and call.module is module:
            self._call = None
            if call.trails and (cache := cache_in(output)) is not None:
                for trail in call.trails:
                    leave(cache, trail)
        if self._holds and output is not None:
            self._holds[-1].settle()

    def _after_projection(self, module: nn.Module, args: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor | None:
        if not self.memories or self._idle:
            return None
        flat: torch.Tensor = args[0]
        call = self._call or Call(None, *(flat.shape[:2] if flat.ndim == 3 else (1, flat.shape[0])))
        # Some families (OPT) lay all tokens in one row.
        hidden = flat.reshape(call.rows, call.tokens, flat.shape[-1])
        given = output.reshape(call.rows, call.tokens, output.shape[-1])
        return self._answer(call, hidden, given).reshape(output.shape)

    def _answer(self, call: Call, hidden: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        """The projection's output (B, T, d_model) with the memories' part, from A(x), (B, T, d_ff)."""
        hold = self._holds[-1] if self._holds else None
        decided = hold is not None and hold.routes is not None
        told = self._oracle or (hold.selection if hold is not None else None)
        if told is not None and (decided or not self._records):
            return told.apply(output, hidden, self._bank)
        # The host may look once a call where that costs nothing, where generate would look all the same, or where
        # multiplying everything would cost more.
        compiling = torch.compiler.is_compiling()
        call.look = not compiling and (hidden.device.type == "cpu" or hold is not None or not self._bank.complete)
        call.watched = bool(self._records)
        decision = self._router.decide(call, hidden, partial(self._scope, call, hold, hidden.device))
        routes = decision.routes[:, -1]
        if self._oracle is not None:
            routes = torch.tensor(self._oracle.expanded(call.rows))
        if hold is not None:
            hold.routes = routes
        self._note(call, hold, hidden, decision, routes)
        if told is not None:
            return told.apply(output, hidden, self._bank)
        if decision.added is not None:
            return combine(output, decision.routes, decision.added)
        if hold is not None and call.look:
            return hold.settled().apply(output, hidden, self._bank)
        return answer(output, hidden, decision.routes, self._bank, look=call.look)

    def _note(
        self, call: Call, hold: Hold | None, hidden: torch.Tensor, decision: Decision, routes: torch.Tensor
    ) -> None:
        """Write a decision down where somebody records: of beams and returned sequences, one."""
        if not self._records:
            return
        once = call.rows // hold.prompts if hold is not None else 1
        scores = dict(decision.scores)
        if "activation" not in scores and any(record.every for record in self._records):
            measured = ActivationRouter(self._bank).decide(
                call, hidden, partial(self._scope, call, hold, hidden.device)
            )
            scores.update(measured.scores)
        best = None if decision.best is None else decision.best[::once, -1]
        for record in self._records:
            record.add(routes[::once], {name: values[::once, -1] for name, values in scores.items()}, best)

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
