"""Every editor through the command line: init, commit, generate, revert, rollback, push, clone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.editors.contract import quick
from tests.stores import AUSTRALIA, HAMLET
from wisedb.cli.main import run

Run = Callable[..., Any]


@pytest.fixture
def wisedb(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs one command in a folder and gives its document."""

    def call(folder: Path, *words: str) -> Any:
        capsys.readouterr()
        assert run(["-C", str(folder), *words, "--json"]) == 0, capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    return call


@pytest.mark.parametrize("editor", ["rome", "grace", "wise"])
def test_the_tour(editor: str, wisedb: Run, model_folder: Path, tmp_path: Path) -> None:
    store, clone, pack = tmp_path / "store", tmp_path / "clone", tmp_path / "pack"
    pool = tmp_path / "pool.txt"
    things = ("hero", "house", "river")
    pool.write_text("\n".join(f"The {thing} of the story is number {n}" for n in range(10) for thing in things))
    facts = tmp_path / "facts.jsonl"
    facts.write_text("\n".join(json.dumps(edit.content()) for edit in (AUSTRALIA, HAMLET)))
    settings = [word for name, value in quick(editor).items() for word in ("--set", f"{name}={value}")]

    def said(folder: Path, at: str = "HEAD") -> list[str]:
        answers = wisedb(folder, "generate", AUSTRALIA.prompt, HAMLET.prompt, "--at", at, "--max-new-tokens", "4")
        return [answer["text"] for answer in answers]

    store.mkdir()
    made = wisedb(store, "init", "--model", str(model_folder), "--editor", editor, "--pool", str(pool), *settings)
    assert made["target"]
    unedited = said(store)
    committed = wisedb(store, "commit", str(facts), "-m", "two facts")
    assert committed["edits_added"] == 2
    (memory,) = {view["editor"] for view in wisedb(store, "show")["memories"]}
    assert memory == editor
    edited = said(store)
    assert edited != unedited
    # What answers everywhere is named too, though no route leads to it.
    (answer,) = wisedb(store, "generate", AUSTRALIA.prompt, "--max-new-tokens", "1")
    assert bool(answer["always_on"]) == (editor == "rome") and answer["routed"] != (editor == "rome")

    wisedb(store, "revert", HAMLET.id)
    assert [fact["id"] for fact in wisedb(store, "facts")] == [AUSTRALIA.id]
    wisedb(store, "rollback", "HEAD~1")
    assert said(store) == edited
    wisedb(store, "rollback", "HEAD~3")
    assert said(store) == unedited
    wisedb(store, "rollback", "HEAD~1")

    wisedb(store, "push", str(pack))
    wisedb(tmp_path, "clone", str(pack), str(clone), "--model", str(model_folder))
    assert said(clone) == edited
    assert wisedb(clone, "fsck")["ok"]
