"""Memories that are attached to a model whose chat template is another one than theirs."""

from __future__ import annotations

import json
import os
import shutil
import warnings
from pathlib import Path

import pytest

from tests.chats import FRANCE, OTHER
from tests.commands import run_inside
from tests.models import CHATML, tiny_chat_tokenizer
from wisedb.errors import WisedbWarning
from wisedb.model.chat import template_digest
from wisedb.repository import Repository
from wisedb.store.store import Store

ANOTHER = CHATML.replace("assistant", "bot")


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> None:
    # In this process another test may have loaded transformers before the command line could.
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()


@pytest.fixture
def moved(chat_history: Repository, tmp_path: Path) -> Repository:
    """The store of chats, with a base model whose template lies in a file of its own and can be changed."""
    folder = tmp_path / "model"
    shutil.copytree(chat_history.base.path, folder)
    shutil.copytree(chat_history.path, tmp_path / "store")
    config = tmp_path / "store" / ".wisedb" / "config.toml"
    config.write_text(config.read_text().replace(str(chat_history.base.path), str(folder)))
    return Repository(Store.open(tmp_path / "store"))


def _template(repository: Repository) -> Path:
    return Path(repository.store.config.base.model) / "chat_template.jinja"


def _told(repository: Repository, *verbs: str) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for verb in verbs:
            if verb == "load":
                repository.load()
            else:
                repository.generate(FRANCE.prompt, chat=verb == "chat")
    return [str(each.message) for each in caught if issubclass(each.category, WisedbWarning)]


def test_the_template_of_init_is_no_reason_to_warn(moved: Repository) -> None:
    assert _told(moved, "load", "generate", "chat") == []


def test_another_template_is_named_beside_the_recorded_one_once_a_load(moved: Repository) -> None:
    _template(moved).write_text(ANOTHER)
    before, now = template_digest(tiny_chat_tokenizer()), template_digest(tiny_chat_tokenizer(ANOTHER))
    assert before and now and before != now
    (loaded,) = _told(moved, "load")
    assert before[:12] in loaded and now[:12] in loaded and "put that template back" in loaded
    # The model that stays in memory is asked twice and warns once.
    assert _told(moved, "generate", "chat", "generate") == [loaded]


def test_a_tokenizer_that_lost_its_template_is_told_of_too(moved: Repository) -> None:
    _template(moved).unlink()
    (found,) = _told(moved, "load")
    assert "has no chat template" in found and str(template_digest(tiny_chat_tokenizer()))[:12] in found


def test_the_command_line_warns_in_one_line_beside_its_answer(moved: Repository) -> None:
    _template(moved).write_text(ANOTHER)
    for words in (["generate", "--chat", OTHER], ["explain", "--chat", OTHER], ["eval", "--chat"]):
        done = run_inside(words, moved.path, os.environ)
        (line,) = done.stderr.splitlines()
        assert done.returncode == 0 and line.startswith("warning: the tokenizer has the chat template")
    done = run_inside(["generate", OTHER, "--json"], moved.path, os.environ)
    assert json.loads(done.stdout) and list(json.loads(done.stderr)) == ["warning"]
    # No filter of the command line outlives it.
    assert warnings.filters is not None and ("always", None, WisedbWarning, None, 0) not in warnings.filters
