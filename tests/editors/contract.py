"""What the contract tests need: each editor that is found, with settings under which it is quick on a tiny model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.stores import SETTINGS, Shelf
from wisedb.editors.registry import editors
from wisedb.edits import Edit
from wisedb.repository import Repository

FAKE = Path(__file__).parent / "fake"
"""A folder for ``sys.path`` with an editor as another distribution would bring it."""

QUICK: Mapping[str, Mapping[str, Any]] = {
    # A tiny model of random weights uses every direction of its keys.
    "alphaedit": {"steps": 10, "threshold": 1.0},
    "keyed": {**SETTINGS, "shard_capacity": 9},
    "defer": {"steps": 20},
    "ft_ewc": {"steps": 8},
    "ft_l": {"steps": 8},
    "ft_m": {"steps": 8},
    "grace": {"steps": 20},
    "locft_bf": {"steps": 8},
    "memit": {"steps": 10},
    "memoir": {"contexts": 2},
    "mend": {"network_steps": 20, "network_minibatch": 2, "rank": 8},
    "recall": {"unrelated": 4, "contexts": 1},
    "rome": {"steps": 10},
    "ultraedit": {"prior": 5},
    "wise": {"shard_size": 9, "steps": 15, "contexts": 2, "irrelevant": 10, "replay": 4},
}
"""Settings by editor; an editor that isn't named here gets its defaults."""

EDITORS = (*editors(), "fake")


def quick(editor: str) -> dict[str, Any]:
    """An editor's settings for a tiny model."""
    return dict(QUICK.get(editor, {}))


@pytest.fixture
def fake_editor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake editor, found as any other."""
    monkeypatch.syspath_prepend(str(FAKE))


@pytest.fixture
def store_of(shelf: Shelf, model_folder: Path, tmp_path: Path, fake_editor: None) -> Callable[..., Repository]:
    """Makes stores for the tiny model; the pool is given, so that no model needs to write one.

    The commits that a store is to begin with are made once a session; what is trained behind them, by each test.
    """

    def begin(editor: str, path: Path) -> Repository:
        pool = [f"The {thing} of the story is number {n}" for n in range(10) for thing in ("hero", "house", "river")]
        return Repository.init(path, str(model_folder), editor=editor, settings=quick(editor), pool=pool, author="Ada")

    def copy(editor: str, path: Path, commits: tuple[tuple[Edit, ...], ...]) -> Repository:
        def grow(path: Path) -> Repository:
            if not commits:
                return begin(editor, path)
            made = copy(editor, path, commits[:-1])
            made.commit(commits[-1], f"number {len(commits)}", author="Ada")
            return made

        return shelf.copy(("contract", editor, *(tuple(edit.id for edit in edits) for edits in commits)), grow, path)

    def make(editor: str, name: str = "store", *commits: Sequence[Edit], anew: bool = False) -> Repository:
        if anew:
            return begin(editor, tmp_path / name)
        return copy(editor, tmp_path / name, tuple(map(tuple, commits)))

    return make
