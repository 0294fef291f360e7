"""The editor network as a blob: made once for the settings that it depends on, and named by what is written with it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.editors.contract import fake_editor, quick, store_of
from tests.editors.mend.fixtures import ready
from tests.stores import AUSTRALIA, HAMLET, SUM
from wisedb.config import Setting
from wisedb.editors.mend import resource
from wisedb.editors.mend.editor import Mend
from wisedb.editors.mend.resource import NAME, edited_projections
from wisedb.errors import UnknownSetting
from wisedb.progress import Progress
from wisedb.repository import Repository

__all__ = ["fake_editor", "store_of"]


def _named(repository: Repository) -> dict[str, str]:
    commit = repository.store.objects.commit(repository.store.resolve("HEAD"))
    (memory,) = commit.memories
    assert memory.editor is not None
    return {name: blob for name, blob in memory.editor.resources.items() if name.startswith(NAME)}


def test_it_is_made_once_and_named(store_of: Callable[..., Repository], monkeypatch: pytest.MonkeyPatch) -> None:
    repository = store_of("mend")
    heard: list[Progress] = []
    repository.commit([AUSTRALIA], "first", progress=heard.append)
    assert {each.phase for each in heard} >= {"training"}
    ((name, blob),) = _named(repository).items()
    assert name.split(":")[1] == repository.store.config.editor.target
    with monkeypatch.context() as patch:
        patch.setattr(resource, "train_network", lambda *_: pytest.fail("trained again"))
        repository.commit([HAMLET], "second")
    assert _named(repository) == {name: blob}


def test_other_settings_want_another_network() -> None:
    mend = Mend()
    given: list[dict[str, Setting]] = [{}, {"gate": "keys", "together": False}, {"network_steps": 7}]
    plain, same, other = (mend.needs(mend.configure({"target": "x", **more}))[1] for more in given)
    assert plain.module == same.module == other.module == "x"
    assert plain.resource.variant == same.resource.variant != other.resource.variant


def test_the_prompts_that_the_network_saw_are_told(store_of: Callable[..., Repository]) -> None:
    repository = store_of("mend", "store", [AUSTRALIA])
    mend, settings = Mend(), quick("mend")
    from wisedb.serving.blobs import PendingBlobs
    from wisedb.serving.resources import StoreResources

    store = repository.store
    found = StoreResources(
        repository.base, store.config.base, PendingBlobs(store.objects), store.config.editor.resources
    )
    whole = mend.calibrate(repository.base, found, settings)
    told = mend.made_prompts(repository.base, found, whole, [AUSTRALIA, SUM])
    assert len(told) > settings["network_steps"] and len(told) == len(set(told))


@pytest.mark.parametrize("family", ["gpt2", "opt", "llama", "gemma2"])
def test_the_last_blocks_projections_are_edited(family: str) -> None:
    base, _ = ready(family)
    layers = base.projection().layers
    assert [each.layer for each in edited_projections(base, "", 2)] == [layers - 2, layers - 1]
    lower = base.projection("", 1).name
    assert [each.layer for each in edited_projections(base, lower, 5)] == [0, 1]


@pytest.mark.parametrize("given", [{"blocks": 0}, {"rank": 0}, {"network_steps": -1}, {"gate": "nearest"}])
def test_settings_out_of_range_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(UnknownSetting):
        Mend().configure(given)  # type: ignore[arg-type]
