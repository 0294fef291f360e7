"""A base model made ready for training: once, and with what the editor's settings need."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.stores import AUSTRALIA
from wisedb.editors.common.key_statistics import STATISTICS
from wisedb.editors.keyed.context import prepare
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.errors import UsageError
from wisedb.repository import Repository
from wisedb.serving.blobs import PendingBlobs
from wisedb.serving.resources import StoreResources


def _resources(repository: Repository, *, pool: bool = True) -> StoreResources:
    store = repository.store
    named = store.config.editor.resources if pool else {}
    return StoreResources(repository.base, store.config.base, PendingBlobs(store.objects), named)


def _settings(repository: Repository) -> KeyedSettings:
    return KeyedSettings.from_settings(repository.store.config.editor.settings)


def test_it_is_prepared_once_for_each_use(repository: Repository) -> None:
    base, settings = repository.base, _settings(repository)
    first = prepare(base, _resources(repository), settings)
    assert prepare(base, _resources(repository), replace(settings, steps=3)) is first
    assert first.projection.name == settings.target and len(first.pool.contexts) > 0
    plain = prepare(base, _resources(repository), replace(settings, paraphrases=0))
    assert first.relations is not None and plain.relations is None


def test_a_memory_names_what_it_was_compared_by_also_where_the_model_is_ready(repository: Repository) -> None:
    for _ in range(2):
        resources = _resources(repository)
        prepare(repository.base, resources, _settings(repository))
        assert {name.split(":")[0] for name in resources.used} == {"pool", "statistics"}


def test_what_is_asked_is_measured_as_keys_are(repository: Repository) -> None:
    resources, settings = _resources(repository), _settings(repository)
    relations = prepare(repository.base, resources, settings).relations
    known = resources.get(STATISTICS, settings.target)
    assert relations is not None
    assert relations([AUSTRALIA.prompt]).shape == (1, known.relation_map.shape[1])


def test_keys_without_a_pool_are_refused_before_anything_is_trained(repository: Repository) -> None:
    with pytest.raises(UsageError, match="unrelated"):
        prepare(repository.base, _resources(repository, pool=False), _settings(repository))
