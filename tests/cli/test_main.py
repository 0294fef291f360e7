"""The group: quick to start, complete, with a help page for everything, and the environment read in one place."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from wisedb import __version__
from wisedb.cli import main
from wisedb.cli.commands import SECTIONS
from wisedb.cli.main import cli

from .conftest import Told, answer, environment, wisedb


def commands() -> list[tuple[str, click.Command]]:
    """Every command, groups and what is in them, by its words."""
    root = click.Context(cli, info_name="wisedb")
    found: list[tuple[str, click.Command]] = []
    for name in cli.list_commands(root):
        command = cli.get_command(root, name)
        assert command is not None
        found.append((name, command))
        if isinstance(command, click.Group):
            found += [(f"{name} {child}", command.commands[child]) for child in command.commands]
    return found


def test_a_command_stands_in_one_section_under_the_summary_of_its_own_help() -> None:
    listed = [name for homes in SECTIONS.values() for name in homes]
    assert len(set(listed)) == len(listed)
    summaries = {name: home.summary for homes in SECTIONS.values() for name, home in homes.items()}
    helps = {words: command.get_short_help_str(limit=90) for words, command in commands() if words in summaries}
    assert summaries == helps


def test_a_command_is_found_in_the_file_of_its_name() -> None:
    groups = {
        "refs": {"branch", "tag", "reflog"},
        "merge": {"merge", "cherry-pick"},
        "verify": {"verify-commit", "verify-tag"},
    }
    for name, home in ((name, home) for homes in SECTIONS.values() for name, home in homes.items()):
        file = home.place.partition(":")[0]
        assert file.rstrip("_") == name.replace("-", "_") or name in groups.get(file, ()), f"{name} lives in {file}.py"


@pytest.mark.parametrize(("words", "command"), commands(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_command_explains_itself(words: str, command: click.Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run([*words.split(), "--help"]) == 0
    page = capsys.readouterr().out
    assert "Example" in page
    assert f"wisedb {words}" in page
    first = command.get_short_help_str(limit=90)
    assert first.endswith(".")
    assert not first.endswith("...")
    if not isinstance(command, click.Group):
        assert "--json" in page


@functools.cache
def loaded(*words: str, cwd: Path) -> set[str]:
    """The modules that are loaded after a command, by their full names."""
    code = (
        "import sys\nfrom wisedb.cli import main\n"
        f"code = main.run({list(words)!r})\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)\nsys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=environment(), capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


def test_the_list_of_all_commands_loads_none_of_them_and_nothing_that_only_they_need(tmp_path: Path) -> None:
    found = loaded("--help", cwd=tmp_path)
    own = {f"wisedb.cli.{home.place.partition(':')[0]}" for homes in SECTIONS.values() for home in homes.values()}
    assert not own & found
    assert not [name for name in found if name.startswith(("wisedb.store", "wisedb.versioning", "wisedb.repository"))]
    heavy = {"torch", "transformers", "duckdb", "numpy", "wisedb.config", "wisedb.edits", "subprocess", "platformdirs"}
    assert not heavy & found


@pytest.mark.parametrize(
    "words",
    ["log", "show HEAD", "status", "blame Anything", "diff v1", "search Emma", "facts", "branch", "editors --help"],
)
def test_looking_at_history_loads_no_tensors(told: Told, words: str) -> None:
    assert not {"torch", "transformers", "peft"} & loaded(*words.split(), cwd=told.path)


EDITORS = ("wisedb.editors", "wisedb.importers")
SIGNING = ("wisedb.signing", "wisedb.report", "subprocess")
INDEX = ("wisedb.store.index", "wisedb.store.search", "wisedb.store.blob_cache", "wisedb.store.history", "duckdb")


@pytest.mark.parametrize(
    ("words", "unneeded"),
    [
        ("log", (*EDITORS, *INDEX, *SIGNING)),
        ("branch", (*EDITORS, *INDEX, *SIGNING)),
        ("tag", (*EDITORS, *INDEX, *SIGNING)),
        ("facts", (*EDITORS, *SIGNING)),
        ("facts --json", EDITORS),
        ("blame Anything", EDITORS),
        ("search Emma", EDITORS),
        ("diff v1", EDITORS),
    ],
)
def test_looking_at_history_loads_what_it_needs_and_no_more(told: Told, words: str, unneeded: tuple[str, ...]) -> None:
    found = loaded(*words.split(), cwd=told.path)
    heavy = {"numpy", "pyarrow", "rich.console", "huggingface_hub", "jsonschema"}
    assert heavy & found == set()
    assert not [name for name in found if name.startswith(unneeded)]
    assert ("duckdb" in found) == ("duckdb" not in unneeded)


@pytest.mark.parametrize(
    ("words", "unneeded"), [("status", EDITORS), ("show HEAD", ("wisedb.importers", "wisedb.editors.keyed"))]
)
def test_what_may_find_the_index_behind_loads_no_editor(told: Told, words: str, unneeded: tuple[str, ...]) -> None:
    # The database fills tables with numpy, and a listing may measure wide letters.
    assert not [name for name in loaded(*words.split(), cwd=told.path) if name.startswith(unneeded)]


def test_the_store_is_found_from_a_folder_below_by_option_and_by_environment(told: Told, tmp_path: Path) -> None:
    head = told.second["commit"]
    below = told.path / "below"
    below.mkdir(exist_ok=True)
    assert answer("status", cwd=below)["head"] == head
    assert answer("-C", told.path, "status", cwd=tmp_path)["head"] == head
    assert answer("status", cwd=tmp_path, WISEDB_DIR=str(told.path))["head"] == head
    # The option is nearer to the user than the environment.
    assert wisedb("-C", tmp_path, "status", cwd=tmp_path, WISEDB_DIR=str(told.path)).returncode == 1


def test_author_and_date_come_from_options_or_environment(copy: Path) -> None:
    late: dict[str, Any] = {"WISEDB_DATE": "2026-01-31T13:00:00+01:00", "WISEDB_AUTHOR": "Grace"}
    answer("rollback", "v1", cwd=copy, **late)
    entry = answer("log", "-n", "1", cwd=copy)[0]
    assert entry["author"] == "Grace"
    assert entry["date"].startswith("2026-01-31T12:00:00")
    answer("rollback", "HEAD~1", "--author", "Ada", "--date", "2026-02-01", cwd=copy, **late)
    entry = answer("log", "-n", "1", cwd=copy)[0]
    assert entry["author"] == "Ada"
    assert entry["date"].startswith("2026-02-01T00:00:00")


def test_completion_offers_commands_and_names(told: Told) -> None:
    done = wisedb(cwd=told.path, _WISEDB_COMPLETE="bash_complete", COMP_WORDS="wisedb sh", COMP_CWORD="1")
    assert "plain,show" in done.stdout.split()
    done = wisedb(cwd=told.path, _WISEDB_COMPLETE="bash_complete", COMP_WORDS="wisedb show ", COMP_CWORD="2")
    assert {"plain,HEAD", "plain,main", "plain,v1"} <= set(done.stdout.split())


def test_completion_outside_a_store_is_silent(tmp_path: Path) -> None:
    done = wisedb(cwd=tmp_path, _WISEDB_COMPLETE="bash_complete", COMP_WORDS="wisedb switch ", COMP_CWORD="2")
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--version"]) == 0
    assert capsys.readouterr().out == f"wisedb {__version__}\n"
