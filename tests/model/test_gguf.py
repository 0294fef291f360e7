"""GGUF files are found by path or by name, and what is none is said in one line."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from wisedb.errors import ModelNotFound, UnsupportedModel, UsageError
from wisedb.model.gguf import check_gguf_name, check_gguf_support, gguf_digest, gguf_path, split_gguf


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "F.gguf").write_bytes(b"GGUF and more")
    (tmp_path / "models" / "G.GGUF").write_bytes(b"no such file")
    (tmp_path / "odd.gguf").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "models"


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        ("models/F.gguf", ("models", "F.gguf")),
        ("./models/G.GGUF", ("models", "G.GGUF")),
        ("models/none.gguf", ("models", "none.gguf")),
        ("none.gguf", (".", "none.gguf")),
        ("/no/where/F.gguf", ("/no/where", "F.gguf")),
        ("org/name/F.gguf", ("org/name", "F.gguf")),
        ("org/name/Q4/F.gguf", ("org/name", "Q4/F.gguf")),
    ],
)
def test_a_path_is_a_folder_or_a_repository_and_a_file_in_it(folder: Path, model: str, parts: tuple[str, str]) -> None:
    assert split_gguf(model) == parts


@pytest.mark.parametrize("model", ["atlas", "gpt2", "org/name", "org/name.gguf", "models", "odd.gguf", "./odd.gguf"])
def test_any_other_model_stays_as_it_is(folder: Path, model: str) -> None:
    assert split_gguf(model) == (model, None)


def test_a_file_that_is_not_there_is_named_with_those_that_are(folder: Path, tmp_path: Path) -> None:
    assert gguf_path(folder, "F.gguf") == folder / "F.gguf"
    with pytest.raises(ModelNotFound) as caught:
        gguf_path(folder, "E.gguf")
    assert "E.gguf" in caught.value.message and "F.gguf" in str(caught.value.hint)
    with pytest.raises(ModelNotFound):
        gguf_path(tmp_path, "odd.gguf")


def test_what_does_not_begin_like_one_is_none(folder: Path) -> None:
    with pytest.raises(UnsupportedModel, match="no GGUF file"):
        gguf_path(folder, "G.GGUF")


@pytest.mark.parametrize("name", ["", ".", "/etc/F.gguf", "../F.gguf", "a/../../F.gguf"])
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    check_gguf_name("a/F.gguf")
    with pytest.raises(UsageError):
        check_gguf_name(name)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    check_gguf_support()
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(UnsupportedModel) as caught:
        check_gguf_support()
    assert "wisedb[gguf]" in str(caught.value.hint)


def test_the_digest_is_that_of_the_bytes(folder: Path) -> None:
    assert gguf_digest(folder / "F.gguf") == hashlib.sha256(b"GGUF and more").hexdigest()
