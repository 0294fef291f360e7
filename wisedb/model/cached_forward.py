"""The frozen part of the model computed once: only the blocks above the edited projection run while an edit trains.

What lies below ΔW never changes, so the projection's input A(x) and the edited block's output are kept for each
sequence. So are the keys and values of a prompt that ΔW never answers. Whether a family's forward allows it is not
looked up but tried (:mod:`wisedb.model.find_cached_forward`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from transformers import DynamicCache

from wisedb.model.capture import BlockReached
from wisedb.model.locate import Projection
from wisedb.model.opening import Opening
from wisedb.model.prompt_states import behind, kept_states

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
        state: numbers that the keys and values of one token of a prompt take in the blocks that run; 0 where a prompt
            can't be kept so.
    """

    model: nn.Module
    projection: Projection
    resume: Resume
    head: Head
    last: str | None = None
    tuples: bool = False
    state: int = 0

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
        kept = self._observed(lambda: self.model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False))
        return self._below(kept, ids)

    def prompt(self, ids: Tensor, opening: Opening | None = None) -> tuple[Tensor, Tensor | None, Tensor]:
        """Run prompts through all blocks.

        Args:
            ids: as in :meth:`prefix`.
            opening: what all of them begin with, read in all blocks.

        Returns:
            What :meth:`prefix` gives, zero at the opening's tokens, and the keys and values of the blocks that
            :meth:`logits` runs, ``(blocks, 2, B, heads, T, d_head)``.
        """
        cache, mask = DynamicCache(), torch.ones_like(ids)
        inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": mask, "past_key_values": cache, "use_cache": True}
        if opening is not None:
            inputs = opening.inputs(ids, mask)
        # Without the output embeddings, which are wide.
        body: nn.Module = self.model.base_model  # type: ignore[assignment]
        kept = self._observed(lambda: body(**inputs), whole=True)
        features, hidden = self._below(kept, inputs["input_ids"])
        left = ids.shape[1] - features.shape[1]
        return (
            pad(features, (0, 0, left, 0)),
            None if hidden is None else pad(hidden, (0, 0, left, 0)),
            kept_states(inputs["past_key_values"], self.first),
        )

    @property
    def first(self) -> int:
        """The first block that :meth:`logits` runs."""
        return {"additive": self.projection.layer + 1, "block": self.projection.layer, "full": 0}[self.resume]

    @staticmethod
    def _below(kept: dict[str, Tensor], ids: Tensor) -> tuple[Tensor, Tensor | None]:
        batch, width = ids.shape
        hidden = kept.get("hidden")
        return kept["features"].reshape(batch, width, -1), None if hidden is None else hidden.reshape(batch, width, -1)

    def _observed(self, run: Callable[[], object], *, whole: bool = False) -> dict[str, Tensor]:
        # What ``run`` shows at the edited block, at which it ends unless it is wanted as a whole.
        kept: dict[str, Tensor] = {}

        def keep_input(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            kept["hidden"] = _states(args, kwargs)

        def keep_features(_module: nn.Module, args: tuple[Any, ...]) -> None:
            kept["features"] = args[0]

        def keep_output(_module: nn.Module, _args: tuple[Any, ...], output: Any) -> None:
            if self.resume == "additive":
                kept["hidden"] = output if isinstance(output, Tensor) else output[0]
            if not whole:
                raise BlockReached

        with ExitStack() as stack:
            block, module = self.projection.block, self.projection.module
            if self.resume == "block":
                stack.callback(block.register_forward_pre_hook(keep_input, with_kwargs=True).remove)
            stack.callback(module.register_forward_pre_hook(keep_features).remove)
            stack.callback(block.register_forward_hook(keep_output).remove)
            stack.enter_context(torch.no_grad())
            stack.enter_context(suppress(BlockReached))
            run()
        return kept

    def logits(
        self,
        ids: Tensor,
        hidden: Tensor | None,
        change: Tensor,
        at: tuple[Tensor, Tensor],
        prompts: Sequence[Tensor] | None = None,
    ) -> Tensor:
        """The logits with A(x)·ΔW added to the projection's output at every position.

        Args:
            ids: ``(B, T)``.
            hidden: what :meth:`prefix` gave for them.
            change: A(x)·ΔW, ``(B, T, d_model)``; gradients flow into it.
            at: rows and columns of the positions that are wanted, ``(N,)`` each.
            prompts: what stands in front of each row, as keys and values that :meth:`prompt` gave,
                ``(blocks, 2, heads, P, d_head)`` each; ``None`` for nothing.

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
            given: dict[str, Any] = {"attention_mask": torch.ones_like(ids), "use_cache": False}
            if prompts is not None:
                cache, mask, positions = behind(prompts, self.first, ids.shape[1])
                given = {"attention_mask": mask, "position_ids": positions, "past_key_values": cache, "use_cache": True}
            logits: Tensor = self.model(input_ids=ids, **given).logits
        return logits[0] if self.head == "answers" else logits[at]

    def _passing(self, states: Tensor) -> Callable[..., Any]:
        output = (states,) if self.tuples else states
        return lambda *_args, **_kwargs: output


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
