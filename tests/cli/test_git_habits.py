"""What a git user types: diff, log, branches, tags, reset and the rest, as git has them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import click
import pytest

from wisedb.cli.main import cli

from .conftest import EDITS, Told, answer, inside

HEAVY = {"bench", "demo", "atlas"}
"""They need no argument, and take minutes."""


def _walk(group: click.Group, context: click.Context, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if name in HEAVY:
            continue
        if isinstance(command, click.Group):
            found += _walk(command, click.Context(command, parent=context), (*before, name))
        else:
            found.append((*before, name))
    return found


ALL = _walk(cli, click.Context(cli))


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_no_command_fails_inside_without_its_arguments(copy: Path, words: tuple[str, ...]) -> None:
    done = inside(*words, cwd=copy)
    assert "internal error" not in done.stderr
    assert done.returncode in (0, 1, 2)


@pytest.mark.parametrize("words", [("rollback",), ("merge",), ("revert",), ("blame",)])
def test_a_missing_argument_is_a_wrong_call(told: Told, words: tuple[str, ...]) -> None:
    done = inside(*words, cwd=told.path)
    assert done.returncode == 2
    assert "Missing argument" in done.stderr


def test_checkout_without_an_argument_says_where_head_is(told: Told) -> None:
    assert answer("checkout", cwd=told.path)["branch"] == "main"


# Diff


def test_diff_alone_shows_what_is_staged(copy: Path) -> None:
    nothing = answer("diff", cwd=copy)
    assert (nothing["added"], nothing["removed"], nothing["changed"]) == ([], [], [])
    inside("edit", "Water is", "wet", cwd=copy)
    inside("edit", EDITS[0]["prompt"], "Perth", cwd=copy)
    for words in (("diff",), ("diff", "--staged"), ("diff", "HEAD")):
        found = answer(*words, cwd=copy)
        assert [edit["target"] for edit in found["added"]] == ["wet"]
        assert [(change["from"]["target"], change["to"]["target"]) for change in found["changed"]] == [
            ("Sydney", "Perth")
        ]
        assert found["staged"]


def test_diff_of_one_revision_is_against_head_and_what_is_staged(copy: Path) -> None:
    inside("edit", "Water is", "wet", cwd=copy)
    found = answer("diff", "v1", "--stat", cwd=copy)
    assert {edit["target"] for edit in found["added"]} == {"Fe", "wet"}
    assert found["stat"] == {"added": 2, "removed": 0, "changed": 1}
    shown = inside("diff", "v1", "--stat", cwd=copy).stdout
    assert "2 added(+), 0 removed(-), 1 changed(~)" in shown
    assert "Australia" in shown


def test_diff_takes_ranges_and_subjects(told: Told) -> None:
    two = answer("diff", "v1", "HEAD", cwd=told.path)
    assert answer("diff", "v1..HEAD", cwd=told.path) == two
    assert answer("diff", "v1...", cwd=told.path) == two
    about = answer("diff", "v1..", "--about", "Iron", cwd=told.path)
    assert json.loads(inside("diff", "v1..", "--json", "--", "Iron", cwd=told.path).stdout) == about
    assert [edit["target"] for edit in about["added"]] == ["Fe"]
    assert about["changed"] == []
    assert inside("diff", "a", "b", "c", cwd=told.path).returncode == 2


# Log


def _messages(*words: str, cwd: Path) -> list[str]:
    done = inside("log", "--json", *words, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return [entry["message"].splitlines()[0] for entry in json.loads(done.stdout)]


def test_log_counts_ranges_and_searches_as_git_does(told: Told) -> None:
    assert _messages("-1", cwd=told.path) == ["second"]
    assert _messages("-n", "2", cwd=told.path) == ["second", "first"]
    assert _messages("v1..HEAD", cwd=told.path) == ["second"]
    assert _messages("HEAD", "^v1", cwd=told.path) == ["second"]
    assert _messages("v1...HEAD", cwd=told.path) == ["second"]
    assert _messages("--grep", "^fir", cwd=told.path) == ["first"]
    assert _messages("--grep", "^FIR", cwd=told.path) == []
    assert _messages("--grep", "^FIR", "-i", cwd=told.path) == ["first"]
    assert len(_messages("--author", "Ada", cwd=told.path)) >= 2
    assert _messages("--author", "Nobody", cwd=told.path) == []
    assert _messages("--until", "2001-01-01", cwd=told.path) == []
    assert _messages("-2", "--since", "yesterday", cwd=told.path) == ["second", "first"]
    assert _messages("--", "Iron", cwd=told.path) == ["second"]
    assert _messages("--", "australia", cwd=told.path) == ["second", "first"]
    assert _messages("v1", "--", "australia", cwd=told.path) == ["first"]
    assert _messages("--", "Austral", cwd=told.path) == []
    assert "regular expression" in inside("log", "--grep", "(", cwd=told.path).stderr
    assert inside("log", "--since", "someday", cwd=told.path).returncode == 2


def test_log_with_patches_tells_what_each_commit_changed(told: Told) -> None:
    newest, older, *_ = answer("log", "-p", cwd=told.path)
    assert [edit["target"] for edit in newest["changes"]["added"]] == ["Fe"]
    assert [change["to"]["target"] for change in newest["changes"]["changed"]] == ["Sydney"]
    assert len(older["changes"]["added"]) == 2
    assert "~ The capital of Australia is Canberra → Sydney" in inside("log", "-p", cwd=told.path).stdout


def test_log_in_a_line_each_names_commit_refs_and_message(told: Told) -> None:
    lines = inside("log", "--oneline", cwd=told.path).stdout.splitlines()
    assert lines[0] == f"{told.second['commit'][:12]} (HEAD → main) second"
    assert lines[1] == f"{told.first['commit'][:12]} (tag v1) first"


def test_the_graph_shows_where_lines_part(copy: Path) -> None:
    inside("checkout", "-b", "side", "v1", cwd=copy)
    inside("rollback", "HEAD~1", "-m", "back", cwd=copy)
    lines = inside("log", "--graph", "--oneline", "--all", cwd=copy).stdout.splitlines()
    text = "\n".join(lines)
    assert sum("*" in line.split(" ")[:3] for line in lines) == 4
    assert "|/" in text
    assert "back" in lines[0]


def test_dates_are_shown_in_the_local_zone(told: Told) -> None:
    said = answer("log", "-1", cwd=told.path)[0]["date"]
    assert said.endswith("Z")
    shown = inside("log", "-1", cwd=told.path).stdout
    assert "+0000" in shown or f"{said[:10]}" not in shown or "-" in shown.split("date")[1].split("\n")[0]


# HEAD, branches and tags


def test_a_dash_is_the_branch_before(copy: Path) -> None:
    answer("switch", "--create", "side", "v1", cwd=copy)
    assert answer("switch", "-", cwd=copy)["branch"] == "main"
    assert answer("checkout", "-", cwd=copy)["branch"] == "side"
    assert answer("checkout", "@{-1}", cwd=copy)["branch"] == "main"
    assert answer("log", "@{-1}", "-1", cwd=copy)[0]["message"] == "first"
    answer("checkout", "v1", cwd=copy)
    assert answer("switch", "-", cwd=copy)["branch"] == "main"


def test_checkout_makes_a_branch(copy: Path, told: Told) -> None:
    made = answer("checkout", "-b", "fix", "v1", cwd=copy)
    assert (made["branch"], made["head"]) == ("fix", told.first["commit"])
    assert inside("checkout", "-b", "fix", cwd=copy).returncode == 1


def test_leaving_commits_on_no_branch_says_how_to_keep_them(copy: Path) -> None:
    answer("checkout", "v1", cwd=copy)
    lost = answer("rollback", "HEAD~1", cwd=copy)["head"]
    done = inside("switch", "main", cwd=copy)
    assert f"wisedb branch NAME {lost[:12]}" in done.stderr
    answer("checkout", lost, cwd=copy)
    answer("branch", "kept", lost, cwd=copy)
    assert "left" not in answer("switch", "main", cwd=copy)


def test_branches_are_renamed_with_their_reflog(copy: Path) -> None:
    answer("branch", "-m", "trunk", cwd=copy)
    assert [(ref["name"], ref["current"]) for ref in answer("branch", cwd=copy)] == [("trunk", True)]
    assert answer("status", cwd=copy)["branch"] == "trunk"
    assert "second" in answer("reflog", "trunk", cwd=copy)[1]["action"]
    answer("branch", "-m", "trunk", "trunk/deep", cwd=copy)
    assert answer("branch", "--show-current", cwd=copy) == {"branch": "trunk/deep"}
    answer("branch", "-m", "trunk/deep", "trunk", cwd=copy)
    assert answer("fsck", cwd=copy)["ok"]
    answer("branch", "other", cwd=copy)
    assert inside("branch", "-m", "other", "trunk", cwd=copy).returncode == 1
    assert inside("branch", "-m", "nothing", "x", cwd=copy).returncode == 1


def test_a_branch_that_is_not_merged_is_not_deleted(copy: Path) -> None:
    answer("checkout", "-b", "side", "v1", cwd=copy)
    answer("rollback", "HEAD~1", cwd=copy)
    answer("switch", "main", cwd=copy)
    done = inside("branch", "-d", "side", cwd=copy)
    assert done.returncode == 1
    assert "not fully merged" in done.stderr
    assert "-D side" in done.stderr
    answer("branch", "-D", "side", cwd=copy)
    answer("branch", "old", "v1", cwd=copy)
    answer("branch", "-d", "old", cwd=copy)
    assert [ref["name"] for ref in answer("branch", cwd=copy)] == ["main"]


def test_branches_are_listed_with_their_last_commits(told: Told) -> None:
    (listed,) = answer("branch", "-v", cwd=told.path)
    assert listed["message"] == "second"
    assert answer("branch", "-a", cwd=told.path)[0]["name"] == "main"
    assert answer("branch", "--list", "x*", cwd=told.path) == []


def test_tags_move_by_force_and_may_say_why(copy: Path, told: Told) -> None:
    assert inside("tag", "v1", cwd=copy).returncode == 1
    assert answer("tag", "-f", "v1", cwd=copy) == [{"name": "v1", "commit": told.second["commit"]}]
    assert inside("tag", "-a", "v2", cwd=copy).returncode == 2
    answer("tag", "-a", "v2", "-m", "as released", cwd=copy)
    note = answer("tag", "-l", "v2", cwd=copy)[0]
    assert (note["message"], note["tagger"]) == ("as released", "Ada <ada@example.org>")
    assert "as released" in inside("tag", "-n", cwd=copy).stdout
    assert [ref["name"] for ref in answer("tag", "-l", "v*", cwd=copy)] == ["v1", "v2"]
    answer("tag", "-d", "v2", cwd=copy)
    answer("tag", "v2", cwd=copy)
    assert "message" not in answer("tag", "-l", "v2", cwd=copy)[0]


# Reset


def test_a_reset_is_taken_back_by_orig_head(copy: Path, told: Told) -> None:
    assert inside("log", "ORIG_HEAD", cwd=copy).returncode == 1
    answer("reset", "v1", cwd=copy)
    assert answer("log", "ORIG_HEAD", "-1", cwd=copy)[0]["commit"] == told.second["commit"]
    assert answer("reset", "--hard", "ORIG_HEAD", cwd=copy)["head"] == told.second["commit"]


def test_a_soft_reset_stages_what_was_committed(copy: Path) -> None:
    move = answer("reset", "--soft", "v1", cwd=copy)
    staged = answer("status", cwd=copy)["staged"]
    assert {edit["target"] for edit in staged} == {"Fe", "Sydney"}
    assert [edit["id"] for edit in staged] == move["staged"]
    assert "returned" not in move


def test_a_soft_reset_says_what_cant_be_staged(copy: Path) -> None:
    answer("rollback", "HEAD~2", cwd=copy)
    done = inside("reset", "--soft", "HEAD~1", cwd=copy)
    assert "3 facts in force again" in done.stderr


def test_a_reset_keeps_what_is_staged_unless_it_is_hard(copy: Path) -> None:
    answer("edit", "Water is", "wet", cwd=copy)
    answer("reset", cwd=copy)
    assert len(answer("status", cwd=copy)["staged"]) == 1
    done = inside("reset", "--hard", cwd=copy)
    assert "1 edit thrown away" in done.stdout
    assert answer("status", cwd=copy)["staged"] == []
    assert inside("reset", "--soft", "--hard", cwd=copy).returncode == 2


def test_the_reflog_names_who(copy: Path) -> None:
    answer("switch", "--create", "side", cwd=copy, WISEDB_AUTHOR="Bea <bea@example.org>")
    assert answer("reflog", cwd=copy)[0]["who"] == "Bea <bea@example.org>"
    assert "Bea <bea@example.org>" in inside("reflog", cwd=copy).stdout
    assert answer("fsck", cwd=copy)["ok"]


# What a store keeps out of git


def test_a_store_inside_a_git_repository_keeps_locks_and_index_out_of_it(copy: Path, tmp_path: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("no git here")
    import subprocess

    ignored = (copy / ".wisedb" / ".gitignore").read_text().split()
    assert {"/lock", "/index/"} <= set(ignored)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *words], cwd=copy, check=True)
    subprocess.run(["git", "clone", "-q", copy, tmp_path / "again"], check=True)
    again = tmp_path / "again"
    assert not (again / ".wisedb" / "index").exists()
    assert not (again / ".wisedb" / "lock").exists()
    before: Any = json.loads(inside("facts", "--json", cwd=copy).stdout)
    assert answer("facts", cwd=again) == before
    assert answer("fsck", cwd=again)["ok"]
    answer("edit", "Water is", "wet", cwd=again)
    answer("branch", "side", cwd=again)
