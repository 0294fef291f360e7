"""The frozen part of the model computed once: only the blocks above the edited projection run while an edit trains.

What lies below ΔW never changes, so the projection's input A(x) and the edited block's output are kept for each
sequence. Whether a family's forward allows it is not looked up but tried: each way is compared with the plain
forward on a probe, and the fastest one that gives the same logits is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from wisedb.model.capture import BlockReached
from wisedb.model.locate import Projection, weight_of

Resume = Literal["additive", "block", "full"]
"""What runs behind the prefix: the blocks above the edited one / the edited one too / the whole model."""

Head = Literal["answers", "all"]
"""Where the output embeddings run: at the answer's positions only / at all positions."""


@dataclass(frozen=True, slots=True)
class CachedForward:
    """The forward of a model in two parts: what lies below ΔW, whose results are kept, and the way on to the logits.

    Attributes:
        model: the untouched model.
        projection: where ΔW sits.
        resume: see :data:`Resume`.
        head: see :data:`Head`.
        last: the path, inside the last block, of its feed-forward part, where that runs at the answer's positions only:
            no later layer asks what the others would get; ``None`` if it runs everywhere.
        tuples: the family's blocks return a tuple whose first entry is the states.
    """

    model: nn.Module
    projection: Projection
    resume: Resume
    head: Head
    last: str | None = None
    tuples: bool = False

    @property
    def device(self) -> torch.device:
        """Where token ids go."""
        found: torch.device = self.model.get_input_embeddings().weight.device  # type: ignore[operator]
        return found

    def prefix(self, ids: Tensor) -> tuple[Tensor, Tensor | None]:
        """Run what lies below ΔW.

        Args:
            ids: ``(B, T)``, right-padded if at all: attention is causal, so pads on the right change nothing.

        Returns:
            A(x), ``(B, T, d_ff)``, and what :meth:`logits` wants back as ``hidden``, ``(B, T, d_model)`` or ``None``.
        """
        kept: dict[str, Tensor] = {}

        def keep_input(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            kept["hidden"] = _states(args, kwargs)

        def keep_features(_module: nn.Module, args: tuple[Any, ...]) -> None:
            kept["features"] = args[0]

        def keep_output(_module: nn.Module, _args: tuple[Any, ...], output: Any) -> None:
            if self.resume == "additive":
                kept["hidden"] = output if isinstance(output, Tensor) else output[0]
            raise BlockReached

        with ExitStack() as stack:
            block, module = self.projection.block, self.projection.module
            if self.resume == "block":
                stack.callback(block.register_forward_pre_hook(keep_input, with_kwargs=True).remove)
            stack.callback(module.register_forward_pre_hook(keep_features).remove)
            stack.callback(block.register_forward_hook(keep_output).remove)
            stack.enter_context(torch.no_grad())
            try:
                self.model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
            except BlockReached:
                pass
        batch, width = ids.shape
        hidden = kept.get("hidden")
        return kept["features"].reshape(batch, width, -1), None if hidden is None else hidden.reshape(batch, width, -1)

    def logits(self, ids: Tensor, hidden: Tensor | None, change: Tensor, at: tuple[Tensor, Tensor]) -> Tensor:
        """The logits with A(x)·ΔW added to the projection's output at every position.

        Args:
            ids: ``(B, T)``.
            hidden: what :meth:`prefix` gave for them.
            change: A(x)·ΔW, ``(B, T, d_model)``; gradients flow into it.
            at: rows and columns of the positions that are wanted, ``(N,)`` each.

        Returns:
            ``(N, V)``.
        """
        with ExitStack() as stack:
            if self.resume == "full" or hidden is None:
                stack.enter_context(_added(self.projection.module, change))
            else:
                for block in list(self.projection.blocks)[: self.projection.layer]:
                    stack.enter_context(_forward_as(block, self._passing(hidden)))
                own = self.projection.block
                if self.resume == "additive":
                    stack.enter_context(_forward_as(own, self._passing(hidden + change.to(hidden.dtype))))
                else:
                    stack.enter_context(_forward_as(own, _fed(own.forward, hidden)))
                    stack.enter_context(_added(self.projection.module, change))
            if self.last is not None:
                part = self.projection.blocks[-1].get_submodule(self.last)
                stack.enter_context(_forward_as(part, _only_at(part.forward, at, ids.shape)))
            if self.head == "answers":
                stack.enter_context(_head_at(self.model, at))
            logits: Tensor = self.model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits
        return logits[0] if self.head == "answers" else logits[at]

    def _passing(self, states: Tensor) -> Callable[..., Any]:
        output = (states,) if self.tuples else states
        return lambda *_args, **_kwargs: output


def find_cached_forward(model: nn.Module, projection: Projection, *, seed: int = 0) -> CachedForward:
    """The fastest way through ``model`` whose logits equal those of its plain forward.

    Args:
        model: a causal language model in evaluation mode.
        projection: the edited projection.
        seed: of the probe's tokens and of its ΔW.
    """
    generator = torch.Generator().manual_seed(seed)
    weight = weight_of(projection)
    device = next(model.parameters()).device
    vocabulary = int(model.get_input_embeddings().weight.shape[0])  # type: ignore[operator]
    ids = torch.randint(min(vocabulary, 1000), (2, 7), generator=generator).to(device)
    noise = torch.randn(projection.d_ff, projection.d_model, generator=generator)
    # Large enough that leaving it out, or scaling it wrongly, can't hide in the rounding of the logits.
    delta = (noise * 10 * weight.detach().float().std().cpu()).to(weight.device, weight.dtype)
    at = (torch.tensor([0, 0, 1], device=device), torch.tensor([2, 5, 6], device=device))

    def logits(way: CachedForward) -> Tensor:
        features, hidden = way.prefix(ids)
        return way.logits(ids, hidden, features @ delta, at)

    way = CachedForward(model, projection, "full", "all", None, _returns_tuples(model, projection.block, ids))
    cuts: tuple[dict[str, Any], ...] = (
        {"head": "answers"},
        {"last": _feed_forward(projection)},
        {"resume": "block"},
        {"resume": "additive"},
    )
    with torch.no_grad():
        plain = logits(way)
        for cut in cuts:
            shorter = replace(way, **cut)
            if _same(plain, partial(logits, shorter)):
                way = shorter
    return way


def _feed_forward(projection: Projection) -> str | None:
    # The part of a block that holds the projection, if it isn't the projection itself.
    for name, part in projection.block.named_children():
        if part is not projection.module and projection.module in part.modules():
            return name
    return None


def _returns_tuples(model: nn.Module, block: nn.Module, ids: Tensor) -> bool:
    found: list[bool] = []

    def look(_module: nn.Module, _args: tuple[Any, ...], output: Any) -> None:
        found.append(isinstance(output, tuple))

    handle = block.register_forward_hook(look)
    try:
        with torch.no_grad():
            model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
    finally:
        handle.remove()
    return found[0]


def _same(plain: Tensor, way: Callable[[], Tensor]) -> bool:
    try:
        other = way()
    except Exception:  # noqa: BLE001 - a family that can't go this way says so in its own words; the plain way is left
        return False
    if other.shape != plain.shape:
        return False
    tolerance = max(1e-5, 4 * torch.finfo(plain.dtype).eps) * float(plain.float().abs().amax())
    return bool((other.float() - plain.float()).abs().amax() <= tolerance)


def _states(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    states: Tensor = args[0] if args else kwargs["hidden_states"]
    return states


@contextmanager
def _forward_as(module: nn.Module, forward: Callable[..., Any]) -> Iterator[None]:
    # Only the instance's own attribute is set, and put back: hooks of others (device maps) live there as well.
    before = module.__dict__.get("forward")
    module.__dict__["forward"] = forward
    try:
        yield
    finally:
        if before is None:
            del module.__dict__["forward"]
        else:
            module.__dict__["forward"] = before


def _fed(forward: Callable[..., Any], states: Tensor) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        if args:
            return forward(states, *args[1:], **kwargs)
        return forward(**{**kwargs, "hidden_states": states})

    return run


def _only_at(forward: Callable[..., Any], at: tuple[Tensor, Tensor], shape: torch.Size) -> Callable[..., Any]:
    def some(given: Any) -> Any:
        # Bloom's part takes the residual stream too.
        if not isinstance(given, Tensor) or given.shape[:2] != shape:
            return given
        return given[rows.to(given.device), columns.to(given.device)][None]

    def run(*args: Any, **kwargs: Any) -> Tensor:
        few: Tensor = forward(*map(some, args), **{name: some(given) for name, given in kwargs.items()})
        return few.new_zeros(*shape, few.shape[-1]).index_put((rows.to(few.device), columns.to(few.device)), few[0])

    rows, columns = at
    return run


@contextmanager
def _added(module: nn.Module, change: Tensor) -> Iterator[None]:
    def add(_module: nn.Module, _args: tuple[Any, ...], output: Tensor) -> Tensor:
        return output + change.reshape(output.shape).to(output.dtype)

    handle = module.register_forward_hook(add)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _head_at(model: nn.Module, at: tuple[Tensor, Tensor]) -> Iterator[None]:
    def pick(_module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        states = args[0]
        rows, columns = at
        return (states[rows.to(states.device), columns.to(states.device)][None], *args[1:])

    head: nn.Module = model.get_output_embeddings()  # type: ignore[operator]
    handle = head.register_forward_pre_hook(pick)
    try:
        yield
    finally:
        handle.remove()
