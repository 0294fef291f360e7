"""What the gated memories at a module say in one forward call, and the circumstances on which that depends.

The circumstances are a running ``generate``, an oracle, prompt lengths that somebody gave, and trace logs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from wisedb.memory.answers import Answering
from wisedb.memory.forward_call import ForwardCall, causal, up_to_labels, up_to_lengths, up_to_position
from wisedb.memory.gates.decision import Scoping
from wisedb.memory.gates.site_router import SiteDecision
from wisedb.memory.generation import GenerateCall
from wisedb.memory.routing import HostSlots, Scope, answer, combine
from wisedb.memory.site import Site
from wisedb.memory.slots import BASE, SlotTable
from wisedb.memory.trace import Trace, TraceLog

if TYPE_CHECKING:
    from wisedb.memory.context.found import Found


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What one thread's, or one task's, calls of a model run in.

    Attributes:
        call: the forward call that runs, if one does.
        generations: the calls of ``generate`` that run, the innermost last.
        oracle: what each sequence was told to take, if it was.
        prompt_lengths: int (B,): how many real tokens of each row are the prompt, if somebody said so.
        logs: who wants to know what is decided.
        reading: whether something is read by itself within a call: no router decides about it.
        answering: the memory that answers what is read; none does where this is None.
        found: what the keys found of the prompts before facts were put in front of them.
    """

    call: ForwardCall | None = None
    generations: tuple[GenerateCall, ...] = ()
    oracle: HostSlots | None = None
    prompt_lengths: Tensor | None = None
    logs: tuple[TraceLog, ...] = ()
    reading: bool = False
    answering: Answering | None = None
    found: Found | None = None


class _Compiled:
    """The same for what a compiler traces, which knows no context variables: one for all callers, who take turns."""

    def __init__(self) -> None:
        self.call: ForwardCall | None = None
        self.generations: tuple[GenerateCall, ...] = ()
        self.oracle: HostSlots | None = None
        self.prompt_lengths: Tensor | None = None
        self.logs: tuple[TraceLog, ...] = ()
        self.reading = False
        self.answering: Answering | None = None
        self.found: Found | None = None


_NOTHING = Circumstances()


class RoutingContext:
    """The circumstances of the forward calls of one model.

    They belong to whoever calls: each thread, and each task of an event loop, has its own, and one that is begun inside
    of another begins with a copy of that one's. Callers of a compiled model have one for all of them. A copy of a model
    has a context of its own.

    Attributes:
        slot_table: how slots are counted.
    """

    def __init__(self) -> None:
        self.slot_table = SlotTable((), ())
        self._now: ContextVar[Circumstances] = ContextVar("circumstances", default=_NOTHING)
        self._compiled = _Compiled()

    def __getstate__(self) -> SlotTable:
        return self.slot_table

    def __setstate__(self, state: SlotTable) -> None:
        self.__init__()  # type: ignore[misc]
        self.slot_table = state

    @property
    def now(self) -> Circumstances | _Compiled:
        """The circumstances of this thread's or task's calls."""
        return self._compiled if torch.compiler.is_compiling() else self._now.get()

    @contextmanager
    def within(self, **changes: Any) -> Iterator[None]:
        """Change circumstances for the length of a block."""
        before = {name: getattr(self.now, name) for name in changes}
        self._set(changes)
        try:
            yield
        finally:
            self._set(before)

    def set_call(self, call: ForwardCall | None) -> None:
        """Say which forward call runs."""
        if not torch.compiler.is_compiling():
            self._now.set(replace(self._now.get(), call=call))
        self._compiled.call = call

    def set_found(self, found: Found | None) -> None:
        """Say what the keys found of the prompts of the forward call that is about to run."""
        self._now.set(replace(self._now.get(), found=found))

    def _set(self, changes: Mapping[str, Any]) -> None:
        self._now.set(replace(self._now.get(), **changes))
        for name, value in changes.items():
            setattr(self._compiled, name, value)

    @property
    def call(self) -> ForwardCall | None:
        """The forward call that runs, if one does."""
        return self.now.call

    @property
    def oracle(self) -> HostSlots | None:
        """What each sequence was told to take, if it was."""
        return self.now.oracle

    @property
    def prompt_lengths(self) -> Tensor | None:
        """How many real tokens of each row are the prompt, if somebody said so."""
        return self.now.prompt_lengths

    @property
    def logs(self) -> tuple[TraceLog, ...]:
        """Who wants to know what is decided."""
        return self.now.logs

    @property
    def reading(self) -> bool:
        """Whether something is read by itself within a call."""
        return self.now.reading

    @property
    def answering(self) -> Answering | None:
        """The memory that answers what is read."""
        return self.now.answering

    @property
    def found(self) -> Found | None:
        """What the keys found of the prompts before facts were put in front of them."""
        return self.now.found

    @property
    def bare(self) -> bool:
        """Whether what runs is read by itself and no memory answers it."""
        return self.reading and self.answering is None

    @property
    def generation(self) -> GenerateCall | None:
        """The innermost ``generate`` that runs."""
        generations = self.now.generations
        return generations[-1] if generations else None

    def idle(self, sites: int) -> bool:
        """Whether all rows of the running ``generate`` are known to be the base's.

        Args:
            sites: how many modules have gated memories.
        """
        return self.generation is not None and self.oracle is None and self.generation.idle(sites)

    def answer(self, site: Site, call: ForwardCall, inputs: Tensor, output: Tensor) -> Tensor:
        """A module's output (B, T, d_out) with the gated memories' part.

        Args:
            site: the module; gated memories stand there.
            call: the forward call.
            inputs: what entered the module, (B, T, d_in).
            output: what it gave, (B, T, d_out).
        """
        assert site.router is not None
        bank, module = site.bank, site.projection.name
        generation, oracle = self.generation, self.oracle
        held = generation.on_host.get(module) if generation is not None else None
        decided = generation is not None and module in generation.slots
        # Which key of a told codebook answers is found at the prompt, and held as anything that is decided there.
        known = held if site.router.by_distance and oracle is not None else oracle or held
        if known is not None and (decided or not self.logs):
            # Only without a cache is the prompt seen again.
            again = generation is not None and isinstance(call.past, int) and call.past == 0
            ends = generation.prompt_end if generation is not None and again else None
            return known.apply(output, inputs, bank, ends)
        # The host may look once a call where that costs nothing, where generate would look all the same, or where
        # computing everything would cost more.
        compiling = torch.compiler.is_compiling()
        call.may_sync = not compiling and (inputs.device.type == "cpu" or generation is not None or not bank.complete)
        call.recorded = bool(self.logs)
        scoping = partial(self._scope, call, inputs.device)
        told = None if oracle is None else torch.tensor(oracle.expanded(call.rows), device=inputs.device)
        if self.found is not None and call.key_decision is None and site.router.keys is not None:
            self.found.tell(call, inputs.device)
        decision = site.router.decide(call, inputs, scoping, told)
        if call.replies is None:
            self._trace(site, call, inputs, decision, scoping)
        else:
            said = self._said_apart(call, decision)
            self._trace(site, call, inputs, decision, scoping)
            decision = decision._replace(slots=torch.where(said[:, None], BASE, decision.slots))
        if generation is not None:
            generation.slots[module], generation.prompt_end = decision.slots[:, -1], call.prompt_end
        if decision.added is not None:
            return combine(output, decision.slots, decision.added)
        if generation is not None and call.may_sync:
            return generation.host_slots(module).apply(output, inputs, bank, call.prompt_end)
        return answer(output, inputs, decision.slots, bank, may_sync=call.may_sync, prompt_end=call.prompt_end)

    # No compiler sees what is asked in a chat.
    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _said_apart(self, call: ForwardCall, decision: SiteDecision) -> Tensor:
        """Which rows have a reply that is read apart (:mod:`wisedb.memory.answers`), bool (B,)."""
        assert call.replies is not None
        # Another gate may have said no to a memory since, and a third memory then answers as it would elsewhere.
        memories = self.slot_table.memories(decision.slots[:, -1]).tolist()
        call.replies = call.replies.only([BASE] * call.rows if self.oracle is not None else memories)
        if self.generation is not None:
            self.generation.begin(call.replies, call.whole)
        return torch.tensor([bool(row) for row in call.replies.meant], device=decision.slots.device)

    def log(self, call: ForwardCall) -> None:
        """Let the logs have what was decided at all modules of a call."""
        if call.traces:
            joined = Trace.joined(call.traces)
            for each in self.logs:
                each.add(joined)

    def _trace(self, site: Site, call: ForwardCall, inputs: Tensor, decision: SiteDecision, scoping: Scoping) -> None:
        """Keep a decision for the logs, if there are any: of beams and returned sequences, one."""
        if not self.logs:
            return
        once = call.rows // self.generation.prompts if self.generation is not None else 1
        scores = dict(decision.scores)
        if any(each.every for each in self.logs):
            assert site.router is not None
            measured = site.router.unasked(call, inputs, scoping)
            scores["activation"] = torch.maximum(scores.get("activation", measured), measured)
        best = None if decision.best is None else decision.best[::once, -1]
        routes = self.slot_table.memories(decision.slots[::once, -1])
        if self.found is not None and not self.reading:
            routes = self.found.routes(routes)
        meant = ((),) * len(routes) if call.replies is None else call.replies.meant[::once]
        call.traces.append(Trace(routes, {name: values[::once, -1] for name, values in scores.items()}, best, meant))
        if call.module is None:
            self.log(call)

    def _scope(self, call: ForwardCall, device: torch.device, seen: Tensor | None) -> Scope:
        valid = call.valid(device)
        if self.generation is not None:
            tokens = self.generation.prompt_tokens
            return up_to_position(valid, valid.shape[1] if tokens is None else tokens)
        begun = torch.zeros(call.rows, dtype=torch.bool, device=device) if seen is None else seen
        if self.prompt_lengths is not None:
            return up_to_lengths(valid, self.prompt_lengths, begun)
        if call.labels is not None:
            return up_to_labels(valid, call.labels, begun)
        return causal(valid)
