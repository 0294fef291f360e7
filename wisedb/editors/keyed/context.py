"""A base model made ready for training: where ΔW sits, how the frozen part is skipped, what prompts ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from wisedb.editors.common.cached_forward import cached_forward_of
from wisedb.editors.common.conversations import taught_format
from wisedb.editors.common.dtypes import default_dtype
from wisedb.editors.common.key_statistics import STATISTICS
from wisedb.editors.common.pool import POOL, Pool
from wisedb.editors.keyed.activation_cache import ActivationCache
from wisedb.editors.keyed.paraphrases import RelationEncoder
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.model.cached_forward import CachedForward
from wisedb.model.chat import ChatFormat, chat_format
from wisedb.model.locate import Projection, weight_of
from wisedb.model.opening import Opening, read_opening

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from wisedb.editors.resources import Resources
    from wisedb.model.base import LoadedBase


@dataclass(frozen=True, slots=True, eq=False)
class TrainingContext:
    """Everything about the base model that training needs.

    Attributes:
        model: the untouched model, in evaluation mode, no gated memory attached.
        tokenizer: its tokenizer.
        projection: the edited FFN value projection.
        pool: where contexts come from.
        forward: how the frozen part is skipped.
        stored_dtype: the dtype to which ΔW is rounded after each batch and in which it is stored.
        relations: what prompts ask for, where edits borrow each other's wordings.
        cache: the activations of edits that are rehearsed.
        chat: the chat template behind which edits are learned too, None for plain prompts alone.
        opening: what the template begins with, None without one.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    projection: Projection
    pool: Pool
    forward: CachedForward
    stored_dtype: torch.dtype
    relations: RelationEncoder | None = None
    cache: ActivationCache = field(default_factory=ActivationCache)
    chat: ChatFormat | None = None
    opening: Opening | None = None

    @property
    def device(self) -> torch.device:
        """Where the edited weight lives, and so ΔW and all cached activations."""
        return weight_of(self.projection).device

    @property
    def feature_bytes(self) -> int:
        """Bytes of one number of a cached activation."""
        return weight_of(self.projection).element_size()


def prepare(base: LoadedBase, resources: Resources, settings: KeyedSettings) -> TrainingContext:
    """The base model made ready for training, once a loaded model.

    It is made anew where the model was moved, runs another attention or has other always-on memories attached. Where
    edits borrow each other's wordings, what they are compared by is there too.

    Raises:
        UsageError: the pool is too small for the keys' statistics.
    """
    projection = base.projection(settings.target)
    # It is found anew whenever something changes that cached activations rest on.
    forward = cached_forward_of(base, projection)
    pool = resources.blob(POOL)
    # Asked for also where the model is ready, so that a memory names the same whatever was prepared before.
    statistics = resources.blob(STATISTICS, projection.name) if settings.paraphrases else None

    def make() -> TrainingContext:
        found, dtype = resources.get(POOL), default_dtype(projection)
        chat, relations = chat_format(base.tokenizer), None
        if statistics is not None:
            known = resources.get(STATISTICS, projection.name)
            relations = RelationEncoder(base.model, base.tokenizer, projection, known)
            chat = taught_format(base.tokenizer, known)
        opening = None if chat is None else read_opening(base.model, projection, chat.start, projection.layers)
        return TrainingContext(
            base.model, base.tokenizer, projection, found, forward, dtype, relations, chat=chat, opening=opening
        )

    return base.derived.get(("keyed", id(forward), pool, statistics), make)
