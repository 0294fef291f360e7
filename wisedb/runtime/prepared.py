"""The base model made ready for training, with a store's pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisedb.config import EditorChoice
from wisedb.editors.wise.pool import Pool
from wisedb.editors.wise.prepared import PreparedModel
from wisedb.memory.locate import locate

if TYPE_CHECKING:
    from wisedb.runtime.base import LoadedBase
    from wisedb.store.store import Store


def prepare(store: Store, base: LoadedBase, choice: EditorChoice) -> PreparedModel:
    """The base model made ready for training, with the pool that the choice names."""
    pool = Pool((), (), {}) if choice.pool is None else Pool.from_meta(store.objects.get(choice.pool).meta)
    projection = locate(base.model, store.config.base.target)
    return PreparedModel.prepare(base.model, base.tokenizer, projection, pool)
