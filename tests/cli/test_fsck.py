"""`wisedb fsck` mends, and says what it did and what it could not do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from wisedb.cli import main
from wisedb.store.store import Store

FORMAT_1 = Path(__file__).parent.parent / "format1"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("here", "other"):
        shutil.copytree(FORMAT_1 / "store", tmp_path / name / ".wisedb")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = main.run(["fsck", *words])
    return code, capsys.readouterr().out


def damage(folder: Path) -> tuple[str, Path]:
    store = Store.open(folder)
    _, commit = store.head_commit()
    path = store.objects.blob_path(commit.memories[0].main)
    path.chmod(0o644)
    path.write_bytes(b"rubbish")
    return commit.memories[0].main, path


def test_a_store_is_mended_from_another(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys)[0] == 0
    blob, _ = damage(folder)
    assert told(capsys)[0] == 1
    code, out = told(capsys, "--repair", "--from", "../other", "--json")
    document = json.loads(out)
    assert code == 0 and document["ok"] and blob in document["repaired"]
    assert document["sources"][blob] == "../other" and document["lost"] == []
    assert told(capsys)[0] == 0


def test_what_nobody_has_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blob, _ = damage(folder)
    code, out = told(capsys, "--repair")
    assert code == 1 and f"lost {blob[:12]}" in out and "need" in out and "fact " in out
    code, out = told(capsys, "--repair", "--json")
    (lost,) = json.loads(out)["lost"]
    assert code == 1 and lost["object"] == blob and lost["commits"] and lost["facts"]
    assert set(lost["facts"][0]) == {"id", "prompt"}


def test_a_pack_is_checked_and_mended(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["push", str(folder.parent / "pack")]) == 0
    capsys.readouterr()
    assert told(capsys, "../pack")[0] == 0
    for path in (folder.parent / "pack/bundles").rglob("*.zip"):
        path.write_bytes(b"rubbish")
    assert told(capsys, "../pack")[0] == 1
    code, out = told(capsys, "../pack", "--repair", "--json")
    assert code == 0 and json.loads(out)["repaired"]
    assert told(capsys, "../pack")[0] == 0


@pytest.mark.parametrize("words", [("--from", "x"), ("x", "--repair", "--from", "y"), ("x", "--model")])
def test_options_that_do_not_go_together(folder: Path, words: tuple[str, ...]) -> None:
    assert main.run(["fsck", *words]) == 2
