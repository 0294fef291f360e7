"""The keys of many edits side by side, without any memory, for the scripts that look at routing alone."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

from wisedb.editors.common.key_statistics import STATISTICS
from wisedb.edits import Edit
from wisedb.memory.gates.keys.build import build_keys
from wisedb.memory.gates.keys.index import KeyIndex, build_index
from wisedb.memory.gates.keys.statistics import Statistics
from wisedb.model.base import LoadedBase
from wisedb.model.capture import embedding_of
from wisedb.model.locate import Projection
from wisedb.repository import Repository
from wisedb.serving.blobs import PendingBlobs
from wisedb.serving.resources import StoreResources


@dataclass(frozen=True, slots=True)
class Keys:
    """A model, and the keys of some edits of it.

    Attributes:
        base: the model.
        projection: where the default editor would edit it.
        statistics: what keys rest on.
        index: the keys, all as of one memory.
    """

    base: LoadedBase
    projection: Projection
    statistics: Statistics
    index: KeyIndex


def keys_of(model: str, edits: Sequence[Edit]) -> Keys:
    """Make the keys of edits over the pool that the model writes itself from seed 0."""
    with tempfile.TemporaryDirectory() as folder:
        repository = Repository.init(folder, model=model, seed=0)
        base, store = repository.base, repository.store
        editor = store.config.editor
        resources = StoreResources(base, store.config.base, PendingBlobs(store.blob_cache), editor.resources)
        projection = base.projection(str(editor.settings["target"]))
        statistics = resources.get(STATISTICS, projection.name)
    keys = build_keys(base.model, projection, base.tokenizer, statistics, edits)
    index = build_index([keys], [len(edits)], embedding_of(base.model))
    assert index is not None
    return Keys(base, projection, statistics, index)
