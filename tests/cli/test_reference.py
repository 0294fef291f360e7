"""The generated page is what the commands say today."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from wisedb.cli import reference
from wisedb.cli.main import cli

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"


def test_the_page_is_up_to_date() -> None:
    built = reference.build()
    assert PAGE.read_text(encoding="utf-8") == built, "run: python -m wisedb.cli.reference docs/cli.md"


def test_the_page_has_every_command_with_an_example() -> None:
    page = reference.build()
    for name in cli.list_commands(click.Context(cli)):
        section = page.partition(f"\n### wisedb {name}\n")[2].partition("\n### ")[0]
        assert f"wisedb {name}" in section.partition("```sh\n")[2], name


def test_the_script_writes_the_file_or_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reference.main([str(tmp_path / "page.md")])
    reference.main([])
    assert capsys.readouterr().out == (tmp_path / "page.md").read_text(encoding="utf-8")
