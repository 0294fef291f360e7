"""``generate`` of a model called through its memories: a route is held from the prompt to the answer's end."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from wisedb.memory.forward_hooks import Owner
from wisedb.memory.generation import generate_call_of, setting_of
from wisedb.memory.routing_context import RoutingContext

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from wisedb.memory.context.front import FactsInFront

_REPLACED = ("generate", "prepare_inputs_for_generation")


class GenerateMethods:
    """The methods of a model that stand in the place of its own.

    Args:
        model: the model.
        context: what a call runs in.
        owner: whose memories answer; without gated ones ``generate`` is the model's own.
        front: puts facts in front of prompts, None for nobody.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        context: RoutingContext,
        owner: Owner,
        front: Callable[[], FactsInFront | None] = lambda: None,
    ) -> None:
        self._model = model
        self._context = context
        self._owner = owner
        self._front = front
        self._own = {name: model.__dict__.get(name) for name in _REPLACED}

    def install(self) -> None:
        """Stand in the place of the model's own, of those that it has."""
        for name, ours in zip(_REPLACED, (self._generate, self._prepare_inputs), strict=True):
            if hasattr(self._model, name):
                self._model.__dict__[name] = ours

    def restore(self) -> None:
        """Put the model's own back, where nobody else took the place meanwhile."""
        for name, ours in zip(_REPLACED, (self._generate, self._prepare_inputs), strict=True):
            if self._model.__dict__.get(name) == ours:
                del self._model.__dict__[name]
                if (own := self._own[name]) is not None:
                    self._model.__dict__[name] = own

    def _generate(self, *args: Any, **kwargs: Any) -> Any:
        generate = self._own["generate"] or partial(type(self._model).generate, self._model)
        if not self._owner.memories:
            return generate(*args, **kwargs)
        found = None
        if (front := self._front()) is not None:
            names = list(inspect.signature(generate).parameters)
            given = {**dict(zip(names, args, strict=False)), **kwargs}
            config = given.get("generation_config")
            kwargs, found = front.before_generate(given, lambda name: setting_of(self._model, config, given, name))
            args = ()
        call = generate_call_of(self._model, self._context.slot_table, args, kwargs)
        with self._context.within(generations=(*self._context.now.generations, call), call=None, found=found):
            return generate(*args, **kwargs)

    def _prepare_inputs(self, input_ids: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        # Where the tokens so far are seen row by row, whatever beams did to the rows.
        if self._context.generation is not None:
            self._context.generation.ids = input_ids
        name = "prepare_inputs_for_generation"
        prepare = self._own[name] or partial(getattr(type(self._model), name), self._model)
        return prepare(input_ids, *args, **kwargs)
