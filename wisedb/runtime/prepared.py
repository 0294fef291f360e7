"""The base model made ready for training, with a store's pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisedb.config import EditorChoice
from wisedb.editors.protocol import editor as find_editor
from wisedb.editors.wise.pool import Pool
from wisedb.editors.wise.prepared import PreparedModel
from wisedb.editors.wise.wordings import Asked
from wisedb.memory.locate import locate, weight_of
from wisedb.runtime.key_blobs import known_statistics

if TYPE_CHECKING:
    from wisedb.runtime.base import LoadedBase
    from wisedb.store.store import Store


def prepare(store: Store, base: LoadedBase, choice: EditorChoice) -> PreparedModel:
    """The base model made ready for training, with the pool that the choice names.

    Which shortcut its forward allows is tried once, and again where the model was moved or runs another attention.
    Where keys route, what they are measured in is there too: edits borrow each other's wordings by it.

    Raises:
        UsageError: keys route, and the pool is too small for their statistics.
    """
    settings = find_editor(choice.name).configure(choice.settings)
    borrows = settings.keyed and settings.wordings > 0
    projection = locate(base.model, store.config.base.target)
    weight = weight_of(projection)
    ways = getattr(base.model.config, "_attn_implementation", None)
    key = (projection.name, id(projection.module), choice.pool, weight.device, weight.dtype, ways, borrows)
    found = base.known.prepared.get(key)
    if found is None:
        pool = Pool((), (), {}) if choice.pool is None else Pool.from_meta(store.objects.get(choice.pool).meta)
        asked = None
        if borrows:
            _, statistics = known_statistics(base, store.config.base, store.objects, choice.pool)
            asked = Asked(base.model, base.tokenizer, projection, statistics)
        found = PreparedModel.prepare(base.model, base.tokenizer, projection, pool, asked=asked)
        base.known.prepared[key] = found
    found.model.eval()
    return found
