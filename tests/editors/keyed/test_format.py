"""Edits that are learned as plain prompts alone, or in chats alone, through the store and the command line."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.chats import FRANCE, HAMLET, OTHER
from tests.commands import run_inside
from wisedb.editors.keyed.editor import EDITOR
from wisedb.editors.streams import StreamItem, effective
from wisedb.errors import TrainingFailed, UnknownSetting
from wisedb.memory.memory import Memory
from wisedb.repository import Repository
from wisedb.serving.memory_codec import KEYS, read_memories
from wisedb.store.store import Store
from wisedb.versioning.streams import alike, owner_of


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> None:
    # In this process another test may have loaded transformers before the command line could.
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()


@pytest.fixture
def empty_chat(chat_history: Repository, tmp_path: Path) -> Repository:
    """A store of the chat model without an edit."""
    shutil.copytree(chat_history.path, tmp_path / "store")
    made = Repository(Store.open(tmp_path / "store"), chat_history.base)
    made.reset("HEAD~1")
    return made


def _memories(repository: Repository) -> list[Memory]:
    commit = repository.store.objects.commit(repository.store.resolve("HEAD"))
    return read_memories(repository.store.objects, commit.memories)


def _says(repository: Repository, prompt: str, *, chat: bool) -> bool:
    """Whether a memory answers, and the edited answer comes."""
    (found,) = repository.generate(prompt, chat=chat)
    return found.memory is not None and found.text.startswith(("Rome", "Goethe"))


def test_an_edit_is_found_where_it_was_learned_and_nowhere_else(empty_chat: Repository) -> None:
    raw = empty_chat.commit([FRANCE], "Plain", settings={"format": "raw"})
    chat = empty_chat.commit([HAMLET], "Chat", settings={"format": "chat"})
    # Each is measured as it was learned.
    assert (raw.reliability, chat.reliability, raw.unlearned, chat.unlearned) == (1.0, 1.0, (), ())
    kinds = [sorted(set((memory.gate.keys.stops > 0).tolist())) for memory in _memories(empty_chat) if memory.gate.keys]
    assert kinds == [[False], [True]]
    assert _says(empty_chat, FRANCE.prompt, chat=False) and not _says(empty_chat, FRANCE.prompt, chat=True)
    assert _says(empty_chat, HAMLET.prompt, chat=True) and not _says(empty_chat, HAMLET.prompt, chat=False)
    for prompt, framed in ((FRANCE.prompt, True), (HAMLET.prompt, False), (OTHER, True)):
        told, base = (empty_chat.generate(prompt, chat=framed, base=base)[0].text for base in (False, True))
        assert told == base
    # Both memories are found where they are merged into one, which learns all in both ways.
    (rome, goethe) = (
        empty_chat.generate(prompt, chat=framed, mode="merge")[0].memory
        for prompt, framed in ((FRANCE.prompt, False), (HAMLET.prompt, True))
    )
    assert rome is not None and goethe is not None


def test_a_format_belongs_to_its_memory(empty_chat: Repository) -> None:
    empty_chat.commit([FRANCE, HAMLET], "Chats", settings={"format": "chat"})
    (entry,) = empty_chat.store.objects.commit(empty_chat.store.resolve("HEAD")).memories
    assert empty_chat.store.objects.meta(entry.blobs[KEYS])[1]["format"] == "chat"
    empty_chat.revert(HAMLET.id)
    (memory,) = _memories(empty_chat)
    assert memory.gate.keys is not None and (memory.gate.keys.stops > 0).tolist() == [True]
    assert _says(empty_chat, FRANCE.prompt, chat=True)


def test_a_memory_of_before_there_were_formats_takes_new_edits(chat_history: Repository) -> None:
    (entry,) = chat_history.store.objects.commit(chat_history.store.resolve("HEAD")).memories
    now = owner_of(chat_history.store, entry)
    meta = chat_history.store.objects.meta(entry.blobs[KEYS])[1]
    assert now.settings["format"] == "auto" and "format" not in meta
    then = {name: value for name, value in now.settings.items() if name != "format"}
    assert alike(now, replace(now, settings=then))
    assert not alike(now, replace(now, settings={**then, "format": "raw"}))
    assert not alike(now, replace(now, name="wise", settings={}))


@pytest.mark.parametrize("format", ["chat", "both"])
def test_a_chat_without_a_template_is_refused_before_anything_is_trained(
    format: str, new_repository: Callable[..., Repository], tmp_path: Path
) -> None:
    repository = new_repository()
    (tmp_path / "edit.json").write_text(json.dumps([FRANCE.content()]))
    words = ["commit", str(tmp_path / "edit.json"), "-m", "no", "--format", format]
    done = run_inside(words, repository.path, os.environ)
    first, second = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert first.startswith(f"error: format={format} needs a chat template") and "format=raw" in second
    with pytest.raises(UnknownSetting):
        Repository.init(tmp_path / "init", str(repository.base.path), settings={"format": format})


def test_a_plain_model_takes_raw_and_says_nothing_else(new_repository: Callable[..., Repository]) -> None:
    repository = new_repository()
    repository.commit([FRANCE], "Plain", settings={"format": "raw"})
    assert _says(repository, FRANCE.prompt, chat=False)


def test_a_store_whose_statistics_know_no_template_is_not_taught_in_chats(
    chat_history: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Without:
        chat = None

    monkeypatch.setattr("wisedb.editors.keyed.editor.prepare", lambda *_: Without())
    settings = EDITOR.configure({"format": "chat"})
    start: Any = EDITOR.begin(chat_history.base, settings, 0)
    resources: Any = None
    with pytest.raises(TrainingFailed, match="know no chat template"):
        EDITOR.train(chat_history.base, resources, settings, 0, start, 0, effective([StreamItem(FRANCE)]))
