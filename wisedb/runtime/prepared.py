"""The base model made ready for training, with a store's pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisedb.config import EditorChoice
from wisedb.editors.wise.pool import Pool
from wisedb.editors.wise.prepared import PreparedModel
from wisedb.memory.locate import locate, weight_of

if TYPE_CHECKING:
    from wisedb.runtime.base import LoadedBase
    from wisedb.store.store import Store


def prepare(store: Store, base: LoadedBase, choice: EditorChoice) -> PreparedModel:
    """The base model made ready for training, with the pool that the choice names.

    Which shortcut its forward allows is tried once, and again where the model was moved or runs another attention.
    """
    projection = locate(base.model, store.config.base.target)
    weight = weight_of(projection)
    ways = getattr(base.model.config, "_attn_implementation", None)
    key = (projection.name, id(projection.module), choice.pool, weight.device, weight.dtype, ways)
    found = base.known.prepared.get(key)
    if found is None:
        pool = Pool((), (), {}) if choice.pool is None else Pool.from_meta(store.objects.get(choice.pool).meta)
        found = PreparedModel.prepare(base.model, base.tokenizer, projection, pool)
        base.known.prepared[key] = found
    found.model.eval()
    return found
