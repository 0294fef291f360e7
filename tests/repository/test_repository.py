"""The facade: every verb with the JSON that scripts rely on, and the light ones without a model."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import stores
from tests.stores import AUSTRALIA, HAMLET, NEWER, SUM, copy_of
from wisedb.errors import (
    BadRecord,
    ConflictingEdits,
    NotAStore,
    UnknownEdit,
)
from wisedb.repository import Repository

model_folder, empty, history = stores.model_folder, stores.empty, stores.history
new_repository, repository = stores.new_repository, stores.repository

_LIGHT = """
import sys, json
from wisedb.repository import Repository
repository = Repository.open(sys.argv[1])
prompt = sys.argv[2]
shown = [repository.status(), *repository.log(), repository.show(), repository.diff("HEAD~1"), repository.blame(prompt),
         repository.sql("select count(*) as n from commits"), *repository.reflog(), *repository.branches(),
         *repository.tags(), *repository.facts(), *repository.search("capital"), repository.gc(), repository.reindex()]
json.dumps([item.to_json() for item in shown])
print(sorted({name.split(".")[0] for name in sys.modules} & {"torch", "transformers", "peft"}))
"""


def test_reading_loads_neither_torch_nor_transformers(history: Repository) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LIGHT, str(history.path), AUSTRALIA.prompt], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def test_moving_and_staging_load_no_model(history: Repository, tmp_path: Path) -> None:
    repository = Repository.open(copy_of(history, tmp_path / "copy").path)
    repository.add(SUM)
    repository.checkout("HEAD~1")
    repository.switch("main")
    repository.rollback("HEAD~1")
    repository.reset("HEAD~1")
    repository.unstage()
    assert repository._base is None


def test_a_store_is_found_from_below(history: Repository, tmp_path: Path) -> None:
    copy = copy_of(history, tmp_path / "copy")
    below = copy.path / "a" / "b"
    below.mkdir(parents=True)
    assert Repository.open(below).path == copy.path
    with pytest.raises(NotAStore):
        Repository.open(tmp_path)


def test_staging(repository: Repository, tmp_path: Path) -> None:
    file = tmp_path / "edits.jsonl"
    file.write_text("".join(json.dumps(edit.content()) + "\n" for edit in (AUSTRALIA, HAMLET)))
    assert [edit.id for edit in repository.add(file).staged] == [AUSTRALIA.id, HAMLET.id]
    assert [edit.id for edit in repository.add([str(file), SUM]).staged] == [AUSTRALIA.id, HAMLET.id, SUM.id]
    with pytest.raises(ConflictingEdits):
        repository.add(NEWER)
    with pytest.raises(UnknownEdit):
        repository.unstage(["0000"])
    assert [edit.id for edit in repository.unstage([HAMLET.id[:8]]).staged] == [AUSTRALIA.id, SUM.id]
    assert repository.unstage().staged == ()
    file.write_text('{"prompt": "x"}\n')
    with pytest.raises(BadRecord):
        repository.commit(file, "from a file")


def test_a_file_is_committed(repository: Repository, tmp_path: Path) -> None:
    file = tmp_path / "edits.json"
    file.write_text(json.dumps([AUSTRALIA.content()]))
    repository.add(HAMLET)
    assert repository.commit(file, "from a file").added == (AUSTRALIA.id,)
    assert [edit.id for edit in repository.status().staged] == [HAMLET.id]


def test_upkeep(new_repository: Callable[..., Repository]) -> None:
    repository = new_repository()
    repository.commit([AUSTRALIA], "a")
    assert repository.fsck().to_json()["ok"] is True
    assert repository.gc(grace=0).to_json()["removed"] == []
    assert repository.reindex().to_json()["commits"] == 2


def test_the_whole_tour(repository: Repository) -> None:
    repository.add([AUSTRALIA, HAMLET])
    first = repository.commit(message="Two facts")
    assert repository.generate(AUSTRALIA.prompt)[0].text == "Paris"
    repository.commit([NEWER], "Better")
    assert repository.generate(AUSTRALIA.prompt)[0].text == "France"
    assert repository.blame(AUSTRALIA.prompt).edit == NEWER
    repository.rollback(first.commit)
    assert repository.generate(AUSTRALIA.prompt)[0].text == "Paris"
    repository.revert(HAMLET.id)
    assert [edit.id for edit in repository.facts()] == [AUSTRALIA.id]
    assert [entry.record.message for entry in repository.log()][-3:-1] == ["Better", "Two facts"]
    assert repository.evaluate().exact_match == 1.0
    assert repository.fsck().ok
