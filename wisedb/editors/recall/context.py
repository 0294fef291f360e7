"""A base model made ready for fitting rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from wisedb.editors.common.cached_forward import cached_forward_of
from wisedb.editors.common.conversations import taught_format
from wisedb.editors.common.covariance import COVARIANCE, Solver
from wisedb.editors.common.dtypes import default_dtype
from wisedb.editors.common.key_statistics import STATISTICS
from wisedb.editors.common.pool import POOL, Pool
from wisedb.model.cached_forward import CachedForward
from wisedb.model.chat import ChatFormat
from wisedb.model.locate import weight_of
from wisedb.model.opening import Opening, read_opening

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from wisedb.editors.recall.settings import RecallSettings
    from wisedb.editors.resources import Resources
    from wisedb.model.base import LoadedBase


@dataclass(frozen=True, slots=True, eq=False)
class RowContext:
    """Everything about the base model that a row's fit needs.

    Attributes:
        tokenizer: the model's tokenizer.
        forward: the way through the model; its projection is where rows stand.
        pool: where contexts and unrelated prompts come from.
        solver: divides by the second moment of what enters the projection.
        stored_dtype: the dtype in which rows are stored.
        chat: the chat template behind which edits are learned too, None for plain prompts alone.
        opening: what the template begins with, None without one.
    """

    tokenizer: PreTrainedTokenizerBase
    forward: CachedForward
    pool: Pool
    solver: Solver
    stored_dtype: torch.dtype
    chat: ChatFormat | None = None
    opening: Opening | None = None


def prepare(base: LoadedBase, resources: Resources, settings: RecallSettings) -> RowContext:
    """The base model made ready, once a loaded model; anew where something changed that it rests on."""
    projection = base.projection(settings.target)
    forward = cached_forward_of(base, projection)
    # Asked for also where the model is ready, so that a memory names the same whatever was prepared before.
    blobs = [resources.blob(POOL), resources.blob(STATISTICS, projection.name)]
    blobs.append(resources.blob(COVARIANCE, projection.name))

    def make() -> RowContext:
        chat = taught_format(base.tokenizer, resources.get(STATISTICS, projection.name))
        opening = None if chat is None else read_opening(base.model, projection, chat.start, projection.layers)
        solver = resources.get(COVARIANCE, projection.name).solver(device=weight_of(projection).device)
        pool = resources.get(POOL)
        return RowContext(base.tokenizer, forward, pool, solver, default_dtype(projection), chat, opening)

    return base.derived.get(("recall", id(forward), *blobs), make)
