"""Preferences survive their files, and their keys are written as git writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from wisedb.errors import CorruptObject, StoreNotWritable, UsageError
from wisedb.preferences import Preference, check_key, flatten, identity, nest, read, write

SOME: dict[str, Preference] = {
    "user.name": "Ada Lovelace",
    "generate.max-new-tokens": 50,
    "branch.release-1.2.remote": "origin",
    "eval.chat": True,
    "commit.learning-rate": 0.5,
}


def test_they_come_back_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "wisedb" / "config.toml"
    assert read(path) == {}
    write(path, SOME)
    assert read(path) == SOME and flatten(nest(SOME)) == SOME
    assert [file.name for file in path.parent.iterdir()] == ["config.toml"]


@pytest.mark.parametrize("content", ["[user\n", "[user]\nname = [1]\n", "[user]\nborn = 1815-12-10\n"])
def test_a_file_that_holds_none_is_told(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(content)
    with pytest.raises(CorruptObject, match="can't be read"):
        read(path)


def test_what_cannot_be_written_leaves_the_old(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    write(path, SOME)
    (tmp_path / "config.toml.new").mkdir()
    with pytest.raises(StoreNotWritable):
        write(path, {})
    assert read(path) == SOME


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("User.Name", "user.name"),
        ("generate.max_new_tokens", "generate.max-new-tokens"),
        ("branch.My_Branch.Remote", "branch.My_Branch.remote"),
    ],
)
def test_keys_have_one_spelling(said: str, kept: str) -> None:
    assert check_key(said) == kept


@pytest.mark.parametrize("wrong", ["", "name", ".name", "user.", "us er.name", 'a."b".c', "1.x"])
def test_what_is_no_key_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError, match="is no key"):
        check_key(wrong)


def test_who_somebody_is() -> None:
    assert identity({}) is None and identity({"user.email": "a@b"}) is None
    assert identity({"user.name": " Ada \n Lovelace "}) == "Ada Lovelace"
    assert identity({"user.name": "Ada", "user.email": "a@b"}) == "Ada <a@b>"
