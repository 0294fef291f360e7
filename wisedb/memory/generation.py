"""The route of one call of ``generate``: decided on the prompt, held to the end of the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from wisedb.errors import UsageError
from wisedb.memory.routing import Selection
from wisedb.memory.slots import Slots

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Hold:
    """The held route.

    ``generate`` repeats each prompt for its beams and returned sequences before the first forward, and beams only
    ever change places within their prompt's group: a route for each row stays right to the end.

    Attributes:
        boundary: how many tokens of the first forward are the prompt, None if all of them. Speculative decoding puts
            candidates behind the prompt, which must not be seen.
        prompts: how many prompts were given.
        routes: by module, int64 (B,), slots, once decided.
        selections: by module, the routes on the host, once the first forward is over.
        since: int64 (B,): the prompt's last token in each row, counted as the first forward does; see :class:`Call`.
    """

    def __init__(self, boundary: int | None, prompts: int, slots: Slots) -> None:
        self.boundary = boundary
        self.prompts = prompts
        self.routes: dict[str, torch.Tensor] = {}
        self.selections: dict[str, Selection] = {}
        self.since: torch.Tensor | None = None
        self._slots = slots

    def idle(self, modules: int) -> bool:
        """Whether all modules have decided, and all rows are the base's."""
        return len(self.selections) == modules and all(selection.idle for selection in self.selections.values())

    def settle(self) -> None:
        """Bring the routes to the host, so that each step computes only what answers: one look a ``generate``."""
        for module in self.routes:
            self.settled(module)

    def settled(self, module: str) -> Selection:
        """The routes at a module on the host, brought there now if they aren't yet; they have to be decided."""
        if module not in self.selections:
            self.selections[module] = Selection(self.routes[module].tolist(), self._slots)
        return self.selections[module]


def hold_for(model: PreTrainedModel, slots: Slots, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Hold:
    """The hold that belongs to ``model.generate(*args, **kwargs)``.

    Raises:
        UsageError: a way of generating in which the whole prompt is not seen at once, or in which a row is not one
            sequence.
    """
    config = args[1] if len(args) > 1 else kwargs.get("generation_config")
    _refuse(model, config, kwargs)
    prompt = args[0] if args else kwargs.get("inputs")
    for name in ("input_ids", "inputs_embeds"):
        prompt = kwargs[name] if kwargs.get(name) is not None else prompt
    if not isinstance(prompt, torch.Tensor):
        return Hold(None, 1, slots)
    if _setting(model, config, kwargs, "token_healing"):
        # Healing may change how many tokens the prompt has, and puts nothing behind it.
        return Hold(None, prompt.shape[0], slots)
    tokens = prompt.shape[1]
    cache, mask = kwargs.get("past_key_values"), kwargs.get("attention_mask")
    if cache is not None and (mask is None or mask.shape[1] == tokens):
        # The prompt is given whole, of which the cache holds the first part.
        tokens -= int(cache.get_seq_length())
    return Hold(tokens, prompt.shape[0], slots)


def _refuse(model: PreTrainedModel, config: Any, kwargs: dict[str, Any]) -> None:
    if _setting(model, config, kwargs, "prefill_chunk_size"):
        raise UsageError(
            "memories need the whole prompt at once to choose a route", hint="Leave out prefill_chunk_size."
        )
    if _setting(model, config, kwargs, "cache_implementation") == "paged":
        raise UsageError("memories can't tell sequences apart in a paged cache", hint="Leave out cache_implementation.")


def _setting(model: PreTrainedModel, config: Any, kwargs: dict[str, Any], name: str) -> Any:
    if name in kwargs:
        return kwargs[name]
    given = getattr(config, name, None)
    return getattr(model.generation_config, name, None) if given is None else given
