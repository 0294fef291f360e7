"""Everything at once, with a store and without."""

from __future__ import annotations

from pathlib import Path

from tests.stores import copy_of
from wisedb.doctor.check import NOTE, STATES, WARNING, WRONG
from wisedb.doctor.examine import examine
from wisedb.repository import Repository
from wisedb.signing.verdict import Trust


def test_with_a_store(history: Repository) -> None:
    found = examine(history.path, who="Ada", trust=Trust())
    names = [check.name for check in found]
    assert {"python", "packages", "identity", "disk", "gpu", "hub token", "store", "index", "base model"} <= set(names)
    assert all(check.state in STATES and "\n" not in check.detail for check in found)
    assert not [check for check in found if check.state == WRONG]


def test_without_a_store_and_without_a_name(tmp_path: Path) -> None:
    found = {check.name: check for check in examine(tmp_path, who=None, trust=Trust())}
    assert found["store"].state == NOTE and found["identity"].state == WARNING
    assert "base model" not in found


def test_a_store_that_does_not_open_is_wrong(history: Repository, tmp_path: Path) -> None:
    made = copy_of(history, tmp_path / "copy")
    (made.store.root / "config.toml").write_text("format = 99\n")
    found = {check.name: check for check in examine(made.path, who="Ada", trust=Trust())}
    assert found["store"].state == WRONG
