"""Keys and values of facts in front of a prompt: computed once for each fact, and kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from transformers import DynamicCache

from wisedb.errors import UnsupportedModel
from wisedb.memory.cache_state import cache_in
from wisedb.memory.context.wording import FactWording
from wisedb.memory.guard import Guard
from wisedb.memory.kinds.facts_in_context import Fact
from wisedb.memory.routing_context import RoutingContext

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Groups of facts that are kept: the same ones are asked for again and again.
_REMEMBERED = 64


Layers = tuple[tuple[Tensor, Tensor] | None, ...]
"""Of each layer its keys and values."""


class Prefix(NamedTuple):
    """Facts, read.

    Attributes:
        ids: their token ids, P of them.
        hidden: how many tokens of the row's beginning give way to them.
        layers: of each layer its keys and values, (1, h, P, d) each; None where it keeps none of its own.
    """

    ids: tuple[int, ...]
    hidden: int
    layers: Layers


class FactPrefixes:
    """Reads facts as the unedited model does, each group of them once.

    Args:
        model: the model.
        context: the circumstances of its calls.
        wording: words the facts.
        facts: by the edit, counted over all memories' edits.
    """

    def __init__(
        self, model: PreTrainedModel, context: RoutingContext, wording: FactWording, facts: Mapping[int, Fact]
    ) -> None:
        self._model, self._context, self._wording, self._facts = model, context, wording, facts
        self._known: OrderedDict[tuple[int, ...], Layers] = OrderedDict()
        self._place: tuple[torch.device, torch.dtype] | None = None
        self._guard = Guard()

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_known": OrderedDict()}

    def of(self, edits: tuple[int, ...], row: Sequence[int], *, chat: bool) -> Prefix:
        """The facts of some edits, one at least, in front of a row.

        Args:
            edits: counted over all memories' edits.
            row: the row's token ids.
            chat: whether it is a conversation.

        Raises:
            UnsupportedModel: the model keeps no keys and values that could stand in front of others.
        """
        with self._guard:
            if self._place != (place := (self._model.device, self._model.dtype)):
                self._place = place
                self._known.clear()
            told = self._wording.ids([self._facts[edit] for edit in edits], row, chat=chat)
            if told.ids not in self._known:
                self._known[told.ids] = self._read(told.ids)
            self._known.move_to_end(told.ids)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
            return Prefix(*told, self._known[told.ids])

    def cache(self, prefixes: Sequence[Prefix | None], times: int = 1) -> tuple[DynamicCache, Tensor]:
        """A cache that holds what stands in front of each row.

        Args:
            prefixes: one a row, None for nothing; one of them at least.
            times: how many rows of the cache stand for one, as beams do.

        Returns:
            the cache of P positions, and which of them count, int64 (B, P), not repeated.
        """
        width = max(len(prefix.ids) for prefix in prefixes if prefix is not None)
        like = next(prefix for prefix in prefixes if prefix is not None)
        cache = DynamicCache(config=self._model.config.get_text_config(decoder=True))
        for layer, both in enumerate(like.layers):
            if both is None:
                continue
            rows: list[list[Tensor]] = [[], []]
            for prefix in prefixes:
                own = None if prefix is None else prefix.layers[layer]
                for side, some in enumerate(rows):
                    held = both[side][:, :, :0] if own is None else own[side]
                    some.append(torch.nn.functional.pad(held, (0, 0, width - held.shape[2], 0)))
            keys, values = (torch.cat(some).repeat_interleave(times, dim=0) for some in rows)
            cache.update(keys, values, layer)
        lengths = [0 if prefix is None else len(prefix.ids) for prefix in prefixes]
        mask = torch.tensor([[0] * (width - length) + [1] * length for length in lengths], device=self._model.device)
        return cache, mask

    @torch.no_grad()
    def _read(self, ids: Sequence[int]) -> Layers:
        given = torch.tensor([list(ids)], device=self._model.device)
        with self._context.within(reading=True):
            output = self._model.base_model(input_ids=given, use_cache=True)
        layers: list[tuple[Tensor, Tensor] | None] = []
        for layer in getattr(cache_in(output), "layers", ()):
            keys, values = getattr(layer, "keys", None), getattr(layer, "values", None)
            if not isinstance(keys, Tensor) or not isinstance(values, Tensor) or not keys.numel():
                # A layer may go by the keys and values of another one.
                layers.append(None)
                continue
            if keys.shape[-2] != len(ids):
                layers = []
                break
            layers.append((keys, values))
        if not any(layers):
            raise UnsupportedModel(
                f"{type(self._model).__name__} keeps no keys and values that a fact could have in front of a prompt",
                hint="Use the mode 'retrieve', or put the facts in front yourself: wisedb context.",
            )
        return tuple(layers)
