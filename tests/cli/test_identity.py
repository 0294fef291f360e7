"""Who commits: what ``config`` says, and never a name that nobody gave."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from .conftest import Told, answer, inside


@pytest.fixture
def nobody(tmp_path: Path) -> dict[str, Any]:
    """An environment in which nobody has said who they are."""
    return {
        "WISEDB_AUTHOR": "",
        "WISEDB_CONFIG": str(tmp_path / "person" / "config.toml"),
        "GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
    }


@pytest.mark.parametrize(
    "words",
    [
        ("commit", "-m", "x"),
        ("rollback", "v1"),
        ("revert", "HEAD"),
        ("cherry-pick", "v1"),
        ("tag", "-a", "v9", "-m", "x"),
    ],
    ids=" ".join,
)
def test_a_commit_asks_who_makes_it(copy: Path, nobody: dict[str, Any], words: tuple[str, ...]) -> None:
    answer("edit", "Water is", "wet", cwd=copy, **nobody)
    done = inside(*words, cwd=copy, **nobody)
    assert done.returncode == 1
    assert "wisedb config --global user.name" in done.stderr
    assert len(answer("log", cwd=copy)) == 3


def test_name_and_address_make_the_author(copy: Path, nobody: dict[str, Any]) -> None:
    answer("config", "--global", "user.name", "Ada Lovelace", cwd=copy, **nobody)
    answer("rollback", "v1", cwd=copy, **nobody)
    assert answer("log", "-1", cwd=copy)[0]["author"] == "Ada Lovelace"
    answer("config", "--global", "user.email", "ada@example.org", cwd=copy, **nobody)
    answer("config", "user.name", "Ada, here", cwd=copy, **nobody)
    answer("rollback", "HEAD~1", cwd=copy, **nobody)
    assert answer("log", "-1", cwd=copy)[0]["author"] == "Ada, here <ada@example.org>"
    answer("rollback", "v1", "--author", "Somebody else", cwd=copy, **nobody)
    assert answer("log", "-1", cwd=copy)[0]["author"] == "Somebody else"
    assert answer("reflog", cwd=copy, **nobody)[0]["who"] == "Ada, here <ada@example.org>"


def test_who_has_told_git_need_not_tell_it_again(copy: Path, nobody: dict[str, Any]) -> None:
    Path(nobody["GIT_CONFIG_GLOBAL"]).write_text("[user]\n\tname = Ada\n\temail = ada@example.org\n")
    answer("rollback", "v1", cwd=copy, **nobody)
    assert answer("log", "-1", cwd=copy)[0]["author"] == "Ada <ada@example.org>"
    answer("config", "--global", "user.name", "Bea", cwd=copy, **nobody)
    answer("rollback", "HEAD~1", cwd=copy, **nobody)
    assert answer("log", "-1", cwd=copy)[0]["author"] == "Bea"
    # Where there is no git, nobody has told it anything.
    os_path = {"PATH": str(copy), "WISEDB_CONFIG": str(copy / "none.toml")}
    assert inside("rollback", "v1", cwd=copy, **{**nobody, **os_path}).returncode == 1


def test_moving_forward_needs_no_author(copy: Path, nobody: dict[str, Any]) -> None:
    answer("branch", "ahead", cwd=copy)
    answer("reset", "v1", cwd=copy)
    assert answer("merge", "ahead", cwd=copy, **nobody)["how"] == "fast-forward"
    assert answer("log", "ORIG_HEAD", "-1", cwd=copy)[0]["message"] == "first"


# Config


def test_config_keeps_reads_lists_and_forgets(copy: Path, nobody: dict[str, Any]) -> None:
    assert inside("config", "user.name", cwd=copy, **nobody).returncode == 1
    assert answer("config", "user.name", "Bea", cwd=copy, **nobody) == {"user.name": "Bea"}
    assert inside("config", "user.name", cwd=copy, **nobody).stdout == "Bea\n"
    answer("config", "--global", "generate.max_new_tokens", "7", cwd=copy, **nobody)
    assert answer("config", "--list", cwd=copy, **nobody) == {"generate.max-new-tokens": 7, "user.name": "Bea"}
    assert answer("config", "--list", "--global", cwd=copy, **nobody) == {"generate.max-new-tokens": 7}
    assert "config.toml" in inside("config", "--list", "--show-origin", cwd=copy, **nobody).stdout
    answer("config", "--unset", "user.name", cwd=copy, **nobody)
    assert inside("config", "--unset", "user.name", cwd=copy, **nobody).returncode == 1
    assert answer("fsck", cwd=copy)["ok"]


def test_config_outside_a_store_is_a_persons(tmp_path: Path, nobody: dict[str, Any]) -> None:
    assert "--global" in inside("config", "user.name", "Bea", cwd=tmp_path, **nobody).stderr
    answer("config", "--global", "user.name", "Bea", cwd=tmp_path, **nobody)
    assert answer("config", "--list", cwd=tmp_path, **nobody) == {"user.name": "Bea"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("user.nmae", "x"), "user.name"),
        (("generate.max-new-token", "5"), "max-new-tokens"),
        (("generate.max-new-tokens", "few"), "few"),
        (("name", "x"), "SECTION.NAME"),
        (("commit.amend", "perhaps"), "true or false"),
    ],
)
def test_what_nothing_looks_at_is_refused(
    copy: Path, nobody: dict[str, Any], words: tuple[str, ...], said: str
) -> None:
    done = inside("config", *words, cwd=copy, **nobody)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert answer("config", "--list", cwd=copy, **nobody) == {}


def test_defaults_of_options_are_taken_and_the_call_wins(copy: Path, nobody: dict[str, Any]) -> None:
    answer("config", "log.number", "1", cwd=copy, **nobody)
    assert len(answer("log", cwd=copy, **nobody)) == 1
    assert len(answer("log", "-n", "2", cwd=copy, **nobody)) == 2


def test_a_persons_file_that_cant_be_read_is_named(copy: Path, nobody: dict[str, Any]) -> None:
    path = Path(nobody["WISEDB_CONFIG"])
    path.parent.mkdir()
    path.write_text("not toml")
    assert str(path) in inside("log", cwd=copy, **nobody).stderr


# Messages


def _writes(text: str, folder: Path) -> str:
    script = folder / "editor.sh"
    script.write_text(f'#!/bin/sh\ncp "$1" {folder}/asked\nprintf "%s" {text!r} > "$1"\n')
    script.chmod(0o755)
    return str(script)


def test_without_a_message_an_editor_asks(copy: Path, tmp_path: Path) -> None:
    kept = {name: "" for name in ("VISUAL", "EDITOR") if name in os.environ}
    before = answer("log", "-1", cwd=copy)[0]
    assert inside("commit", cwd=copy, WISEDB_EDITOR="false").returncode == 1  # nothing is staged
    answer("edit", "Water is", "wet", cwd=copy)
    done = inside("commit", cwd=copy, **kept)
    assert (done.returncode, "-m MSG" in done.stderr) == (2, True)
    empty = inside("commit", cwd=copy, WISEDB_EDITOR=_writes("# nothing", tmp_path))
    assert "empty" in empty.stderr
    assert "#   Water is wet" in (tmp_path / "asked").read_text()
    answer("unstage", cwd=copy)
    answer("commit", "--amend", cwd=copy, WISEDB_EDITOR=_writes("another", tmp_path))
    assert "second" in (tmp_path / "asked").read_text()
    after = answer("log", "-1", cwd=copy)[0]
    assert after == {**before, "commit": after["commit"], "message": "another"}


def test_amend_keeps_what_was_learned_and_takes_what_is_staged(copy: Path, told: Told) -> None:
    facts = {edit["id"] for edit in answer("facts", cwd=copy)}
    made = answer("commit", "--amend", "-m", "better", "--author", "Bea", cwd=copy)
    assert made["parents"] == told.second["parents"]
    assert {edit["id"] for edit in answer("facts", cwd=copy)} == facts
    answer("edit", "Water is", "wet", cwd=copy)
    whole = answer("commit", "--amend", "--no-edit", cwd=copy)
    (newest, older, _) = answer("log", "-p", cwd=copy)
    assert (newest["commit"], newest["message"], newest["author"]) == (whole["commit"], "better", "Bea")
    assert older["commit"] == told.first["commit"]
    assert {edit["target"] for edit in newest["changes"]["added"]} == {"Fe", "wet"}
    assert newest["edits_reverted"] == 1
    assert answer("status", cwd=copy)["staged"] == []
    assert inside("commit", "--amend", "--seed", "3", cwd=copy).returncode == 2
    assert answer("fsck", cwd=copy)["ok"]
    assert answer("show", "HEAD", cwd=copy)["edits_added"] == 3


def test_the_first_commit_is_not_amended(copy: Path) -> None:
    answer("reset", "HEAD~2", cwd=copy)
    assert inside("commit", "--amend", "-m", "x", cwd=copy).returncode == 2


def test_the_revert_of_a_revert_says_so(copy: Path) -> None:
    first = answer("revert", "HEAD", cwd=copy)
    answer("revert", "HEAD", cwd=copy)
    message = answer("log", "-1", cwd=copy)[0]["message"]
    assert message.startswith("Reapply ")
    assert first["commit"] in message


def test_quiet_says_nothing_and_json_all_the_same(copy: Path) -> None:
    assert inside("-q", "rollback", "v1", cwd=copy).stdout == ""
    assert inside("switch", "-q", "-c", "side", cwd=copy).stdout == ""
    assert answer("rollback", "-q", "HEAD~1", cwd=copy)["branch"] == "side"


def test_a_commit_says_in_a_line_what_was_not_learned_and_why(copy: Path) -> None:
    answer("edit", "Water is", "wet", cwd=copy)
    (line,) = [line for line in inside("commit", "-m", "x", cwd=copy).stdout.splitlines() if "not learned: " in line]
    assert "not the likeliest when the steps were over" in line and "--again -m MSG --set steps=200" in line


def test_quiet_still_says_what_was_not_learned(copy: Path) -> None:
    answer("edit", "Water is", "wet", cwd=copy)
    done = inside("commit", "-q", "-m", "x", cwd=copy)
    assert (done.returncode, done.stdout) == (0, "")
    assert "warning: not learned: " in done.stderr
