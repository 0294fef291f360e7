"""The base model made ready for training, with a store's pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisedb.config import EditorChoice
from wisedb.editors.common.pool import Pool
from wisedb.editors.keyed.context import PreparedModel
from wisedb.editors.keyed.paraphrases import Asked
from wisedb.editors.protocol import editor as find_editor
from wisedb.model.locate import locate, weight_of
from wisedb.serving.key_blobs import known_statistics

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase
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
    key = ("prepared", projection.name, id(projection.module), choice.pool, weight.device, weight.dtype, ways, borrows)

    def make() -> PreparedModel:
        pool = Pool((), (), {}) if choice.pool is None else Pool.from_meta(store.objects.get(choice.pool).meta)
        asked = None
        if borrows:
            _, statistics = known_statistics(base, store.config.base, store.objects, choice.pool)
            asked = Asked(base.model, base.tokenizer, projection, statistics)
        return PreparedModel.prepare(base.model, base.tokenizer, projection, pool, asked=asked)

    found = base.derived.get(key, make)
    found.model.eval()
    return found
