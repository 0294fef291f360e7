"""Facts in front of what a model is called with, inside ``generate`` and in a forward pass.

What stands in front are keys and values in the cache that the call begins with. So the tokens that a call is given, and
those that ``generate`` gives back, streams, and shows to its criteria and processors, are the caller's alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from wisedb.errors import InputError, UsageError
from wisedb.memory.cache_state import cache_given, length_of
from wisedb.memory.context.finder import FactFinder, PromptRow
from wisedb.memory.context.found import AskedRow, Found
from wisedb.memory.context.prefixes import FactPrefixes, Prefix
from wisedb.memory.forward_call import IGNORED
from wisedb.memory.routing_context import RoutingContext
from wisedb.memory.slots import SlotTable
from wisedb.model.chat import Thinking
from wisedb.model.tokens import context_length

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle
    from transformers import PreTrainedModel

Setting = Callable[[str], Any]
"""A setting of a call of ``generate`` by its name, None where nobody set it."""


class FactsInFront:
    """Puts the facts that prompts ask for in front of them.

    Args:
        model: the model.
        context: the circumstances of its calls.
        finder: finds them.
        prefixes: reads them.
        slot_table: how slots are counted.
        thinking: how thoughts are marked.
        needed: whether a call in which no prompt can be found is refused, rather than answered without facts.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        context: RoutingContext,
        finder: FactFinder,
        prefixes: FactPrefixes,
        slot_table: SlotTable,
        thinking: Thinking | None,
        needed: bool,
    ) -> None:
        self._model, self._context, self.finder, self._prefixes = model, context, finder, prefixes
        self._slot_table, self._thinking, self._needed = slot_table, thinking, needed
        self._names = list(inspect.signature(model.forward).parameters)

    def before_generate(self, given: Mapping[str, Any], setting: Setting) -> tuple[dict[str, Any], Found | None]:
        """What ``generate`` is called with, facts in front, and what was found of its prompts.

        Args:
            given: its arguments by their names.
            setting: its settings.

        Returns:
            the arguments as they are and None where no prompt asks for a fact.

        Raises:
            UsageError: a call to which nothing can be put in front.
            InputError: with its facts a prompt fills the model's context.
        """
        ids = given.get("input_ids") if given.get("input_ids") is not None else given.get("inputs")
        if not isinstance(ids, Tensor):
            if self._needed:
                raise UsageError("facts are put in front of tokens", hint="Call generate with input_ids.")
            return dict(given), None
        mask = _mask_of(given.get("attention_mask"), ids, setting)
        cache = cache_given(given)
        rows, places = _rows(ids, mask[:, -ids.shape[1] :] != 0)
        found = self._found(ids, rows, places)
        if found is None:
            return dict(given), None
        if cache is not None and length_of(cache):
            raise UsageError(
                "a fact can't be put in front of what a cache holds already", hint="Leave out past_key_values."
            )
        if setting("cache_implementation"):
            raise UsageError("a fact's keys and values need a growing cache", hint="Leave out cache_implementation.")
        if setting("assistant_model") is not None or setting("prompt_lookup_num_tokens"):
            raise UsageError("facts in the context can't be told to an assistant", hint="Leave the assistant out.")
        times = max(setting("num_beams") or 1, setting("num_return_sequences") or 1)
        in_front, whole = self._cache(found, mask, times)
        changed = {name: value for name, value in given.items() if name != "inputs"}
        changed |= {"input_ids": ids, "attention_mask": whole, self._cache_name: in_front, "use_cache": True}
        return changed | self._limits(whole, setting), found

    def before_forward(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[dict[str, Any], Found, int] | None:
        """The same for a forward call, or None where nothing is put in front of any row.

        A row's prompt is what stands before its first label, or what :meth:`AttachedMemories.boundary` says; where
        neither says it, the whole row is looked at. Nothing is put in front of what a cache holds.
        """
        given = {**dict(zip(self._names, args, strict=False)), **kwargs}
        ids, mask = given.get("input_ids"), given.get("attention_mask")
        if not isinstance(ids, Tensor) or length_of(cache_given(given)) or ids.shape[1] == 0:
            return None
        if mask is not None and (not isinstance(mask, Tensor) or mask.ndim != 2):
            raise UsageError("facts need a mask of shape (batch, tokens)", hint="Give the attention mask as a tensor.")
        mask = torch.ones_like(ids) if mask is None else mask
        rows, places = _rows(ids, mask != 0, self._ends(ids, given.get("labels"), mask), self._told())
        found = self._found(ids, rows, places)
        if found is None:
            return None
        in_front, whole = self._cache(found, mask, 1)
        changed = {**given, "attention_mask": whole, self._cache_name: in_front}
        if "position_ids" in self._names and given.get("position_ids") is None:
            changed["position_ids"] = (whole.cumsum(-1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        return changed, found, in_front.get_seq_length()

    @property
    def _cache_name(self) -> str:
        # transformers renamed it in 5.24.
        return "cache" if "cache" in self._names else "past_key_values"

    def _found(self, ids: Tensor, rows: Sequence[PromptRow | None], places: Sequence[tuple[int, ...]]) -> Found | None:
        asked = iter(self.finder.find([row for row in rows if row is not None]))
        # What is all padding asks for nothing.
        nothing = AskedRow((), False, -1, torch.full((len(self._slot_table.sizes),), -torch.inf), 0)
        found = tuple(nothing if row is None else next(asked) for row in rows)
        for log in self._context.logs:
            log.add_facts([row.facts for row in found])
        if not any(row.facts for row in found):
            return None
        return Found(found, ids, tuple(places), self.finder.threshold, self._slot_table, self._thinking)

    def _cache(self, found: Found, mask: Tensor, times: int) -> tuple[Any, Tensor]:
        """What stands in front of the rows, and the whole attention mask, (B, P + T)."""
        prefixes: list[Prefix | None] = []
        mask = mask.clone()
        for number, (row, places) in enumerate(zip(found.rows, found.places, strict=True)):
            ids = found.ids[number, list(places)].tolist()
            prefix = self._prefixes.of(row.facts, ids, chat=row.chat) if row.facts else None
            if prefix is not None:
                mask[number, list(places[: prefix.hidden])] = 0
            prefixes.append(prefix)
        in_front, before = self._prefixes.cache(prefixes, times)
        return in_front, torch.cat([before.to(mask.device, mask.dtype), mask], dim=1)

    def _limits(self, whole: Tensor, setting: Setting) -> dict[str, int]:
        """What the model's context leaves for the answer, where that is less than was asked for."""
        length = context_length(self._model)
        if length is None:
            return {}
        width, used = whole.shape[1], int(whole.sum(dim=1).max())
        if used >= length:
            raise InputError(
                f"the prompt and the facts that it asks for have {used} tokens, the model takes {length}",
                hint="Shorten the prompt.",
            )
        new, most = setting("max_new_tokens"), setting("max_length")
        if new is not None:
            return {"max_new_tokens": min(int(new), length - used)}
        return {} if most is None else {"max_length": max(1, min(int(most), length - (used - width)))}

    def _ends(self, ids: Tensor, labels: Tensor | None, mask: Tensor) -> list[int | None]:
        # How many of its tokens, padding not counted, are each row's prompt; None where nobody says it.
        if (lengths := self._context.prompt_lengths) is not None:
            return [int(length) for length in lengths]
        if labels is None:
            return [None] * len(ids)
        counted = labels.to(ids.device) != IGNORED
        first = torch.where(counted, torch.arange(ids.shape[1], device=ids.device), ids.shape[1]).amin(dim=1)
        real = (mask != 0).cumsum(dim=1)
        return [int(real[row, end - 1]) or None if end else None for row, end in enumerate(first.tolist())]

    def _told(self) -> list[int | None] | None:
        oracle = self._context.oracle
        return None if oracle is None else [self._slot_table.memory(slot) for slot in oracle.slots]


class ForwardFacts:
    """Hooks that put facts in front of what a model's forward is called with.

    Args:
        model: the model.
        context: the circumstances of its calls.

    Attributes:
        front: puts them there, None for nobody.
    """

    def __init__(self, model: PreTrainedModel, context: RoutingContext) -> None:
        self._model, self._context = model, context
        self.front: FactsInFront | None = None
        self._hooks: list[RemovableHandle] = []

    def set(self, front: FactsInFront | None) -> None:
        """Let somebody else put facts there; without anybody there are no hooks."""
        self.remove()
        self.front = front
        if front is not None:
            # In front of the hooks that look at what a call is given.
            self._hooks = [
                self._model.register_forward_pre_hook(self._before, with_kwargs=True, prepend=True),
                self._model.register_forward_hook(self._after, always_call=True),
            ]

    def remove(self) -> None:
        """Take the hooks away."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    def _before(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self.front is None or self._context.reading or self._context.generation is not None:
            return None
        return self._changed(self.front, args, kwargs)

    # Which facts are asked for depends on what stands in the rows: no compiler sees that.
    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _changed(self, front: FactsInFront, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        changed = front.before_forward(args, kwargs)
        if changed is None:
            return None
        given, found, _ = changed
        self._context.set_found(found)
        return (), given

    def _after(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        if self._context.reading or self._context.generation is not None or self._context.found is None:
            return None
        self._context.set_found(None)
        # Its first positions are none of the caller's.
        for name in ("cache", "past_key_values"):
            if getattr(output, name, None) is not None:
                setattr(output, name, None)
        return output


def _rows(
    ids: Tensor, real: Tensor, ends: Sequence[int | None] | None = None, told: Sequence[int | None] | None = None
) -> tuple[list[PromptRow | None], list[tuple[int, ...]]]:
    """Each row's prompt without padding, and where its real tokens stand; a row of padding has none."""
    rows: list[PromptRow | None] = []
    places: list[tuple[int, ...]] = []
    for number, (tokens, there) in enumerate(zip(ids.tolist(), real.tolist(), strict=True)):
        stands = tuple(place for place, counts in enumerate(there) if counts)
        end = len(stands) if ends is None else ends[number]
        own = tuple(tokens[place] for place in stands[:end])
        memory = None if told is None else told[number]
        rows.append(PromptRow(own, end is not None, memory) if own else None)
        places.append(stands)
    return rows, places


def _mask_of(mask: Any, ids: Tensor, setting: Setting) -> Tensor:
    """The attention mask of a call of ``generate``; without one, padding is told as transformers tells it."""
    if isinstance(mask, Tensor):
        return mask
    pad, end = setting("pad_token_id"), setting("eos_token_id")
    ends = end if isinstance(end, list | tuple) else [end]
    if pad is None or pad in ends:
        return torch.ones_like(ids)
    real: Tensor = ids != pad
    return real.to(ids.dtype)
