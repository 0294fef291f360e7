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
from wisedb.cli.main import HOMES, SECTIONS, cli

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


def test_every_command_has_a_home_and_a_section() -> None:
    listed = [name for names in SECTIONS.values() for name in names]
    assert sorted(listed) == sorted(HOMES)
    assert len(set(listed)) == len(listed)


def test_a_command_is_found_in_the_file_of_its_name() -> None:
    groups = {
        "history": {"log", "show", "facts"},
        "refs": {"branch", "tag", "reflog"},
        "merge": {"merge", "cherry-pick"},
    }
    for name, home in HOMES.items():
        file = home.partition(":")[0]
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
    """The modules that are loaded after a command."""
    code = (
        "import sys\nfrom wisedb.cli import main\n"
        f"code = main.run({list(words)!r})\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)\nsys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=environment(), capture_output=True, text=True, check=True
    )
    return {name.split(".")[0] for name in done.stderr.split()}


def test_help_loads_neither_tensors_nor_the_index(tmp_path: Path) -> None:
    assert not {"torch", "transformers", "duckdb", "numpy"} & loaded("--help", cwd=tmp_path)


@pytest.mark.parametrize(
    "words",
    ["log", "show HEAD", "status", "blame Anything", "diff v1", "search Emma", "facts", "branch", "editors --help"],
)
def test_looking_at_history_loads_no_tensors(told: Told, words: str) -> None:
    assert not {"torch", "transformers", "peft"} & loaded(*words.split(), cwd=told.path)


@pytest.mark.parametrize("words", ["log", "blame Anything", "search Emma", "facts", "facts --json"])
def test_looking_at_history_loads_what_it_needs_and_no_more(told: Told, words: str) -> None:
    found = loaded(*words.split(), cwd=told.path)
    assert not {"numpy", "pyarrow", "rich", "huggingface_hub", "jsonschema"} & found
    assert ("duckdb" in found) == (words != "log")


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
