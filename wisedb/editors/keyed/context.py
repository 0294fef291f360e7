"""A base model made ready for training: where ΔW sits, how the frozen part is skipped, what is unrelated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import nn

from wisedb.editors.common.key_statistics import STATISTICS
from wisedb.editors.common.pool import POOL, Pool
from wisedb.editors.keyed.activation_cache import KeptRows
from wisedb.editors.keyed.paraphrases import Asked
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.memory.hooks import handle_of
from wisedb.model.cached_forward import Shortcut, find_shortcut
from wisedb.model.locate import Projection, weight_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from wisedb.editors.resources import Resources
    from wisedb.model.base import LoadedBase


@dataclass(frozen=True, slots=True, eq=False)
class PreparedModel:
    """Everything about the base that training needs.

    Attributes:
        model: the untouched model, in evaluation mode, no memory attached.
        tokenizer: its tokenizer.
        projection: the edited FFN value projection.
        pool: unrelated prompts and contexts.
        shortcut: how the frozen part is skipped.
        stored_dtype: the dtype to which ΔW is rounded after each edit and in which it is stored.
        asked: what prompts ask for, where keys route: edits borrow each other's wordings then.
        kept: the rows of edits that are rehearsed.
    """

    model: nn.Module
    tokenizer: PreTrainedTokenizerBase
    projection: Projection
    pool: Pool
    shortcut: Shortcut
    stored_dtype: torch.dtype
    asked: Asked | None = None
    kept: KeptRows = field(default_factory=KeptRows)

    @classmethod
    def prepare(
        cls,
        model: nn.Module,
        tokenizer: PreTrainedTokenizerBase,
        projection: Projection,
        pool: Pool,
        *,
        stored_dtype: torch.dtype | None = None,
        asked: Asked | None = None,
    ) -> PreparedModel:
        """Put the model into evaluation mode and try out which shortcut its forward allows.

        Args:
            stored_dtype: by default that of the projection's weight, and float16 for a float32 weight: ΔW is small and
                bounded, and the rounding happens while it trains, so that what is stored is what was learned.
            asked: what prompts ask for, if edits are to borrow wordings.
        """
        model.eval()
        dtype = stored_dtype or default_dtype(projection)
        return cls(model, tokenizer, projection, pool, find_shortcut(model, projection), dtype, asked)

    @property
    def device(self) -> torch.device:
        """Where the edited weight lives, and so ΔW and all cached states."""
        return weight_of(self.projection).device

    @property
    def feature_bytes(self) -> int:
        """Bytes of one number of a cached state."""
        return weight_of(self.projection).element_size()


def default_dtype(projection: Projection) -> torch.dtype:
    """In which ΔW is stored: that of the weight, and float16 for a float32 weight."""
    weight = weight_of(projection)
    return torch.float16 if weight.dtype == torch.float32 else weight.dtype


def prepare(base: LoadedBase, resources: Resources, settings: KeyedSettings) -> PreparedModel:
    """The base model made ready for training, once a loaded model.

    Which shortcut its forward allows is tried once, and again where the model was moved, runs another attention or has
    other always-on memories attached. Where edits borrow each other's wordings, what they are compared by is there too.

    Raises:
        UsageError: the pool is too small for the keys' statistics.
    """
    projection = base.projection(settings.target)
    weight = weight_of(projection)
    attention = getattr(base.model.config, "_attn_implementation", None)
    borrows = settings.keyed and settings.wordings > 0
    handle = handle_of(base.model)
    always_on = () if handle is None else tuple((memory.id, memory.edits) for memory in handle.always_on)
    pool = resources.blob(POOL)
    # Asked for also where the model is ready, so that a memory names the same whatever was prepared before.
    statistics = resources.blob(STATISTICS, projection.name) if borrows else None
    key = ("prepared", projection.name, id(projection.module), pool, statistics, weight.device, weight.dtype)

    def make() -> PreparedModel:
        asked = None
        if statistics is not None:
            asked = Asked(base.model, base.tokenizer, projection, resources.get(STATISTICS, projection.name))
        return PreparedModel.prepare(base.model, base.tokenizer, projection, resources.get(POOL), asked=asked)

    found = base.derived.get((*key, attention, always_on), make)
    found.model.eval()
    return found
