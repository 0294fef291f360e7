"""A base model made ready for training: once, and with what the editor's settings need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.stores import AUSTRALIA, NEWER, SPAIN
from wisedb.editors.keyed.context import PreparedModel
from wisedb.editors.keyed.editor import Wise
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.errors import UsageError
from wisedb.repository import Repository
from wisedb.serving.key_blobs import KeyWriter
from wisedb.serving.memory_codec import Draft
from wisedb.serving.resources import prepare


def test_it_is_prepared_once(repository: Repository) -> None:
    store, base = repository.store, repository.base
    first = prepare(store, base, store.config.editor)
    assert prepare(store, base, store.config.editor) is first
    assert len(first.pool.prompts) > 0


@pytest.mark.parametrize("settings", [{"router": "activation"}, {"wordings": 0}])
def test_wordings_are_borrowed_where_keys_route(
    new_repository: Callable[..., Repository], settings: dict[str, Any]
) -> None:
    plain, other = new_repository("plain"), new_repository("other", **settings)
    assert prepare(plain.store, plain.base, plain.store.config.editor).asked is not None
    assert prepare(other.store, other.base, other.store.config.editor).asked is None


def test_what_is_asked_is_measured_as_keys_are(repository: Repository) -> None:
    store, base = repository.store, repository.base
    found = prepare(store, base, store.config.editor).asked
    repository.commit([AUSTRALIA], "one")
    writer = KeyWriter(base, store.config.base, Draft(store.objects), store.config.editor.pool)
    _, statistics = writer._statistics
    assert found is not None and found([AUSTRALIA.prompt]).shape == (1, statistics.relation_map.shape[1])


def test_each_memory_is_trained_as_it_was_begun(
    new_repository: Callable[..., Repository], monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = new_repository("one", shard_capacity=1, router="keys", wordings=0)
    repository.commit([AUSTRALIA], "one")
    seen: list[tuple[int, bool]] = []
    own = Wise.train

    def train(self: Wise, base: PreparedModel, settings: KeyedSettings, *others: Any) -> Any:
        seen.append((settings.wordings, base.asked is not None))
        return own(self, base, settings, *others)

    monkeypatch.setattr(Wise, "train", train)
    repository.commit([NEWER, SPAIN], "two", settings={"wordings": 3})
    assert sorted(seen) == [(0, False), (3, True)]


def test_keys_without_a_pool_are_refused_before_anything_is_trained(repository: Repository) -> None:
    store, base = repository.store, repository.base
    with pytest.raises(UsageError, match="unrelated"):
        prepare(store, base, replace(store.config.editor, pool=None))
