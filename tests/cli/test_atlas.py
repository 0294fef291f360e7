"""``wisedb atlas``: help with an example, one JSON document."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from wisedb.atlas.facts import Atlas, load
from wisedb.cli.atlas import atlas


@pytest.mark.parametrize("command", ["train", "evaluate", "stream"])
def test_each_command_shows_an_example(command: str) -> None:
    result = CliRunner().invoke(atlas, [command, "--help"])
    assert result.exit_code == 0
    assert f"wisedb atlas {command}" in result.output
    assert "--json" in result.output


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Atlas:
    whole = load()
    small = Atlas((whole.relation("moon_planet"),), whole.of("moon_planet"))
    monkeypatch.setattr("wisedb.atlas.load", lambda: small)
    return small


def test_evaluate_prints_one_document(few: Atlas) -> None:
    result = CliRunner().invoke(atlas, ["evaluate", "--json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["overall"]["facts"] == len(few.facts)
    assert document["relations"]["moon_planet"]["trained_share"] > 0.9


def test_evaluate_prints_a_table(few: Atlas) -> None:
    result = CliRunner().invoke(atlas, ["evaluate"])
    assert "moon_planet" in result.stdout and "held out" in result.stdout
    assert str(len(few.facts)) in result.stdout


def test_evaluate_needs_a_folder_that_exists(tmp_path: Path) -> None:
    assert CliRunner().invoke(atlas, ["evaluate", "--model", str(tmp_path / "none")]).exit_code == 2
