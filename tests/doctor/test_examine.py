"""Everything at once, with a store and without."""

from __future__ import annotations

from pathlib import Path

from tests.stores import copy_of
from wisedb.doctor.check import NOTE, STATES, WARNING, WRONG, Check
from wisedb.doctor.examine import examine
from wisedb.errors import UnsafeOwner
from wisedb.repository import Repository
from wisedb.signing.verdict import Trust
from wisedb.store.store import Store


def _examine(start: Path, who: str | None = "Ada") -> list[Check]:
    return examine(start, lambda: Store.discover(start), who=who, trust=Trust())


def test_with_a_store(history: Repository) -> None:
    found = _examine(history.path)
    names = [check.name for check in found]
    assert {"python", "packages", "identity", "disk", "gpu", "hub token", "store", "index", "base model"} <= set(names)
    assert all(check.state in STATES and "\n" not in check.detail for check in found)
    assert not [check for check in found if check.state == WRONG]


def test_without_a_store_and_without_a_name(tmp_path: Path) -> None:
    found = {check.name: check for check in _examine(tmp_path, None)}
    assert found["store"].state == NOTE and found["identity"].state == WARNING
    assert "base model" not in found


def test_a_store_that_does_not_open_is_wrong(history: Repository, tmp_path: Path) -> None:
    made = copy_of(history, tmp_path / "copy")
    (made.store.root / "config.toml").write_text("format = 99\n")
    found = {check.name: check for check in _examine(made.path)}
    assert found["store"].state == WRONG


def test_a_store_that_commands_would_not_use_is_wrong(history: Repository) -> None:
    def refuse() -> Store:
        raise UnsafeOwner("it belongs to user 7", hint="Trust it.")

    found = {check.name: check for check in examine(history.path, refuse, who="Ada", trust=Trust())}
    assert (found["store"].state, found["store"].hint) == (WRONG, "Trust it.")
