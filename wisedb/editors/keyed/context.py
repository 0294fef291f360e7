"""A base model made ready for training: where ΔW sits, how the frozen part is skipped, what is unrelated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import nn

from wisedb.editors.common.pool import Pool
from wisedb.editors.keyed.activation_cache import KeptRows
from wisedb.editors.keyed.paraphrases import Asked
from wisedb.model.cached_forward import Shortcut, find_shortcut
from wisedb.model.locate import Projection, weight_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


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
        weight = weight_of(projection)
        if stored_dtype is None:
            stored_dtype = torch.float16 if weight.dtype == torch.float32 else weight.dtype
        return cls(model, tokenizer, projection, pool, find_shortcut(model, projection), stored_dtype, asked)

    @property
    def device(self) -> torch.device:
        """Where the edited weight lives, and so ΔW and all cached states."""
        return weight_of(self.projection).device

    @property
    def feature_bytes(self) -> int:
        """Bytes of one number of a cached state."""
        return weight_of(self.projection).element_size()
