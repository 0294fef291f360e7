"""What runs beside a model's forward pass: hooks on it, its embedding and each module with memories."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import nn

from wisedb.errors import UsageError
from wisedb.memory.cache_state import cache_given, cache_in, length_of, save_state
from wisedb.memory.forward_call import ForwardCall
from wisedb.memory.gates.key_router import KeyRouter
from wisedb.memory.memory import Memory
from wisedb.memory.routing_context import RoutingContext
from wisedb.memory.site import Site
from wisedb.model.capture import block_input
from wisedb.model.locate import Projection

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle
    from transformers import PreTrainedModel

LastBlock = Callable[[nn.Module, tuple[Any, ...], Any], Any]
"""A forward hook on the last block."""


class Owner(Protocol):
    """Whose memories answer. It is asked at each call: an adapter can be switched off, or be loaded meanwhile."""

    @property
    def memories(self) -> tuple[Memory, ...]:
        """The gated memories."""

    @property
    def always_on(self) -> tuple[Memory, ...]:
        """The memories that answer everywhere."""

    @property
    def silent(self) -> bool:
        """Whether nothing answers for now, always-on memories neither."""


class ForwardHooks:
    """The hooks of one model; they ask the routing context who answers, and let that answer.

    Args:
        model: the model.
        context: what a call runs in.
        owner: whose memories answer.

    Attributes:
        sites: the modules with memories, by their paths.
    """

    def __init__(self, model: PreTrainedModel, context: RoutingContext, owner: Owner) -> None:
        self._model = model
        self._context = context
        self._owner = owner
        self.sites: Mapping[str, Site] = {}
        self._keys: KeyRouter | None = None
        self._site_hooks: list[RemovableHandle] = []
        self._hooks: list[RemovableHandle] = []
        # The model without its head may be called by itself; whichever is called first speaks for the call.
        self._names: list[list[str]] = []

    def start(self) -> None:
        """Look at every call of the model from now on."""
        if isinstance(embedding := getattr(self._model, "get_input_embeddings", lambda: None)(), nn.Module):
            self._hooks.append(embedding.register_forward_hook(self._after_embedding))
        for module in dict.fromkeys((self._model, self._model.base_model)):
            self._names.append(list(inspect.signature(module.forward).parameters))
            self._hooks.append(module.register_forward_pre_hook(self._before_call, with_kwargs=True))
            self._hooks.append(module.register_forward_hook(self._after_call, always_call=True))

    def set(self, sites: Mapping[str, Site], keys: KeyRouter | None, last_block: LastBlock | None = None) -> None:
        """Put other sites in the place of the present ones.

        Args:
            sites: the modules with memories.
            keys: who decides by keys, ``None`` for nobody.
            last_block: is told what the last block gives.
        """
        self.sites, self._keys = sites, keys
        for hook in self._site_hooks:
            hook.remove()
        self._site_hooks = [
            site.projection.module.register_forward_hook(partial(self._after_module, site)) for site in sites.values()
        ]
        if keys is not None:
            blocks = self.some_projection().blocks
            block = blocks[keys.index.statistics.layer]
            self._site_hooks.append(block.register_forward_pre_hook(self._before_block, with_kwargs=True))
            if last_block is not None:
                self._site_hooks.append(blocks[-1].register_forward_hook(last_block))

    def remove(self) -> None:
        """Take all hooks away."""
        for hook in (*self._hooks, *self._site_hooks):
            hook.remove()
        self._hooks, self._site_hooks = [], []

    def some_projection(self) -> Projection:
        """One of the modules with memories."""
        return next(iter(self.sites.values())).projection

    def quiet(self) -> bool:
        """Whether no gated memory answers for now."""
        return self._owner.silent or self._idle

    @property
    def _idle(self) -> bool:
        """Whether all rows of the running ``generate`` are known to be the base's."""
        return self._context.idle(sum(site.router is not None for site in self.sites.values()))

    def _before_call(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        outermost = module is self._model
        if getattr(module, "_is_replica", False) and (self._owner.memories or self._owner.always_on):
            raise UsageError(
                "memories don't answer in the replicas that nn.DataParallel makes of a model",
                hint="Use one process a GPU (DistributedDataParallel), or device_map for a model in parts.",
            )
        first = outermost or self._context.call is None
        if self._context.reading or not self._owner.memories or not first or self._idle:
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
        if self._owner.silent:
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
