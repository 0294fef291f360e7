"""One call of ``generate``: what was decided on its prompts, held to the end of the answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from wisedb.errors import UsageError
from wisedb.memory.cache_state import cache_given
from wisedb.memory.gates.keys.replies import Replies
from wisedb.memory.routing import HostSlots
from wisedb.memory.slots import SlotTable

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class GenerateCall:
    """A call of ``generate``, while it runs, and the slots that answer in it.

    ``generate`` repeats each prompt for its beams and returned sequences before the first forward, and beams only
    ever change places within their prompt's group: a slot for each row stays right to the end.

    Attributes:
        prompt_tokens: how many tokens of the first forward are the prompt, None if all of them. Speculative decoding
            puts candidates behind the prompt, which must not be seen.
        prompts: how many prompts were given.
        slots: by module, int64 (B,): the slot that answers in each row, once decided.
        on_host: by module, the slots on the host, once the first forward is over.
        prompt_end: int64 (B,): the prompt's last token in each row, counted as the first forward does;
            see :class:`wisedb.memory.forward_call.ForwardCall`.
        replies: the replies that memories answer, None where there are none.
        ids: int64 (B, S), the tokens so far as they enter the next forward, None before the first one.
    """

    def __init__(self, prompt_tokens: int | None, prompts: int, slot_table: SlotTable) -> None:
        self.prompt_tokens = prompt_tokens
        self.replies: Replies | None = None
        self.ids: torch.Tensor | None = None
        self.prompts = prompts
        self.slots: dict[str, torch.Tensor] = {}
        self.on_host: dict[str, HostSlots] = {}
        self.prompt_end: torch.Tensor | None = None
        self._slot_table = slot_table

    def idle(self, modules: int) -> bool:
        """Whether all modules have decided, and all rows are the base's."""
        if self.replies is not None and self.replies.answers:
            return False
        return len(self.on_host) == modules and all(slots.idle for slots in self.on_host.values())

    def begin(self, replies: Replies, tokens: torch.Tensor | None) -> None:
        """Hold what was found of the prompts' replies, whose places were counted in ``tokens``, int64 (B, S)."""
        # A cache may hold tokens that were never seen.
        unseen = 0 if self.ids is None or tokens is None else self.ids.shape[1] - tokens.shape[1]
        begins = tuple(-1 if place < 0 else place + unseen for place in replies.begins)
        self.replies = replace(replies, begins=begins)

    def fetch_slots(self) -> None:
        """Bring the slots to the host, so that each step computes only what answers: one look a ``generate``."""
        for module in self.slots:
            self.host_slots(module)

    def host_slots(self, module: str) -> HostSlots:
        """The slots at a module on the host, brought there now if they aren't yet; they have to be decided."""
        if module not in self.on_host:
            self.on_host[module] = HostSlots(self.slots[module].tolist(), self._slot_table)
        return self.on_host[module]


def generate_call_of(
    model: PreTrainedModel, slot_table: SlotTable, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> GenerateCall:
    """The call that is ``model.generate(*args, **kwargs)``.

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
        return GenerateCall(None, 1, slot_table)
    if setting_of(model, config, kwargs, "token_healing"):
        # Healing may change how many tokens the prompt has, and puts nothing behind it.
        return GenerateCall(None, prompt.shape[0], slot_table)
    tokens = prompt.shape[1]
    cache, mask = cache_given(kwargs), kwargs.get("attention_mask")
    if cache is not None and (mask is None or mask.shape[1] == tokens):
        # The prompt is given whole, of which the cache holds the first part.
        tokens -= int(cache.get_seq_length())
    return GenerateCall(tokens, prompt.shape[0], slot_table)


def _refuse(model: PreTrainedModel, config: Any, kwargs: dict[str, Any]) -> None:
    if setting_of(model, config, kwargs, "prefill_chunk_size"):
        raise UsageError(
            "memories need the whole prompt at once to choose a route", hint="Leave out prefill_chunk_size."
        )
    if setting_of(model, config, kwargs, "cache_implementation") == "paged":
        raise UsageError("memories can't tell sequences apart in a paged cache", hint="Leave out cache_implementation.")


def setting_of(model: PreTrainedModel, config: Any, kwargs: dict[str, Any], name: str) -> Any:
    """A setting of a call of ``generate``: as it is given, in its configuration, or in the model's."""
    if name in kwargs:
        return kwargs[name]
    given = getattr(config, name, None)
    return getattr(model.generation_config, name, None) if given is None else given
