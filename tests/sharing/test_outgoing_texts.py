"""Whatever somebody wrote in what is pushed is looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.sharing.conftest import Large, sent_to
from wisedb.config import StoreConfig
from wisedb.errors import SecretsFound
from wisedb.sharing.jobs import PushOptions
from wisedb.sharing.named import RemoteTarget
from wisedb.sharing.outgoing_texts import Text, json_texts
from wisedb.sharing.push import push
from wisedb.sharing.remotes.folder import FolderRemote
from wisedb.store.blobs import Blob
from wisedb.store.store import Store
from wisedb.store.tag_notes import TagNote

# Put together here, so that no scanner takes this file for a leak.
SECRET = "hf_" + "abcDEF1234" * 4


def _message(store: Store, kit: Large) -> str:
    tip = store.resolve("HEAD")
    store.refs.update("HEAD", tip, store.objects.put_commit(kit.commit(tip, minute=9, message=f"use {SECRET}")), "x")
    return "commit"


def _author(store: Store, kit: Large) -> str:
    tip = store.resolve("HEAD")
    commit = replace(kit.commit(tip, minute=9), author=f"Ada <{SECRET}@example.org>")
    store.refs.update("HEAD", tip, store.objects.put_commit(commit), "x")
    return "commit"


def _branch(store: Store, kit: Large) -> str:
    store.refs.create(f"refs/heads/{SECRET}", store.resolve("HEAD"), "x")
    return "the manifest, refs"


def _tag(store: Store, kit: Large) -> str:
    store.refs.create(f"refs/tags/{SECRET}", store.resolve("HEAD"), "x")
    return "the manifest, refs"


def _note(store: Store, kit: Large) -> str:
    store.refs.create("refs/tags/v1", store.resolve("HEAD"), "x")
    store.tag_notes.write("v1", TagNote(store.resolve("HEAD"), "Ada", "2026-01-01T00:00:00Z", f"with {SECRET}"))
    return "the manifest, notes"


def _hidden(store: Store, kit: Large) -> str:
    kit.land(store, replace(kit.edit(9), reason=f"{SECRET[:9]}\u200b{SECRET[9:]}"), minute=9)
    return "edit"


def _setting(store: Store, kit: Large) -> str:
    store.write_config(replace(store.config, editor=replace(store.config.editor, settings={"optimizer": SECRET})))
    return "the manifest, editor"


@pytest.mark.parametrize("put", [_message, _author, _branch, _tag, _note, _hidden, _setting])
def test_a_secret_is_found_whatever_it_stands_in(
    store: Store, kit: Large, pack: Path, put: Callable[[Store, Large], str]
) -> None:
    where = put(store, kit)
    target = RemoteTarget("origin", FolderRemote(pack), None)
    with pytest.raises(SecretsFound) as caught:
        push(store, target, PushOptions(all_branches=True, all_tags=True))
    assert where in caught.value.message and SECRET not in str(caught.value)
    assert not any(sent_to(pack))
    push(store, target, PushOptions(all_branches=True, all_tags=True, allow_secrets=True))


def test_a_secret_in_a_pool_is_found(tmp_path: Path, kit: Large, store: Store, pack: Path) -> None:
    pool = Blob("pool", {"prompts": ["The sky is", f"The token is {SECRET}"], "contexts": [], "generator": {}})
    choice = replace(store.config.editor, resources={"pool": pool.id})
    made = Store.init(tmp_path / "new", StoreConfig(store.config.base, choice), kit.commit(editor=choice), [pool])
    with pytest.raises(SecretsFound, match=r"pool [0-9a-f]{12}, prompts\[1\]"):
        push(made, RemoteTarget("origin", FolderRemote(pack), None))


def test_an_honest_history_is_sent(store: Store, target: RemoteTarget, pack: Path) -> None:
    push(store, target)
    assert sent_to(pack)


def test_names_of_fields_are_texts_and_hashes_are_none() -> None:
    value = {"a": ["b", {"c d": "e"}], "id": "0" * 64, "none": None, "number": 1.5}
    assert list(json_texts("it", value)) == [
        Text("it", "", "a"),
        Text("it", "a[0]", "b"),
        Text("it", "a[1]", "c d"),
        Text("it", "a[1].c d", "e"),
        Text("it", "", "id"),
        Text("it", "", "none"),
        Text("it", "", "number"),
    ]
