"""What wisedb says of itself, and of the settings of its editors."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Told, answer, inside


def test_help_shows_a_commands_page(tmp_path: Path) -> None:
    assert inside("help", "commit", cwd=tmp_path).stdout == inside("commit", "--help", cwd=tmp_path).stdout
    assert "Usage: wisedb remote add" in inside("help", "remote", "add", cwd=tmp_path).stdout
    assert "Bring together" in inside("help", cwd=tmp_path).stdout
    assert inside("help", "comit", cwd=tmp_path).returncode == 2


def test_version_names_what_computes(tmp_path: Path) -> None:
    found = answer("version", cwd=tmp_path)
    assert {"wisedb", "python", "torch", "transformers"} <= set(found)
    assert inside("version", cwd=tmp_path).stdout.startswith(f"wisedb {found['wisedb']}\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_ask_wisedb(tmp_path: Path, shell: str) -> None:
    assert f"_WISEDB_COMPLETE={shell}_complete" in inside("completion", shell, cwd=tmp_path).stdout


def test_settings_are_listed_with_what_they_do(told: Told, tmp_path: Path) -> None:
    found = {each["name"]: each for each in answer("settings", cwd=tmp_path)}
    assert found["steps"]["default"] == 40
    assert found["steps"]["group"] == "Optimiser"
    assert "edit batch" in found["steps"]["help"]
    assert found["minibatch"]["group"] == "Batches"
    here = {each["name"]: each for each in answer("settings", cwd=told.path)}
    assert here["steps"]["store"] == 2
    for editor in ("rome", "grace", "wise"):
        listed = answer("settings", editor, cwd=tmp_path)
        assert all(each["help"] for each in listed)
    assert inside("settings", "roma", cwd=tmp_path).returncode == 2


@pytest.mark.parametrize(
    ("theirs", "ours"), [("edit_lr", "learning_rate"), ("n_iter", "steps"), ("norm_constraint", "max_delta")]
)
def test_names_of_other_programs_hint_at_ours(copy: Path, theirs: str, ours: str) -> None:
    inside("edit", "Water is", "wet", cwd=copy)
    done = inside("commit", "-m", "x", "--set", f"{theirs}=1", cwd=copy)
    assert done.returncode == 2
    assert f"'{ours}'" in done.stderr
