"""What the schemas that ship with the package say of a document: the first thing that is wrong, and where it stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.store.conftest import Kit
from wisedb.store.schemas import COMMIT, EDIT, PACK, schema_problem

ROOT = Path(__file__).parent.parent.parent


def test_what_is_sound_has_no_problem(kit: Kit) -> None:
    assert schema_problem(EDIT, kit.edit().content()) is None
    assert schema_problem(COMMIT, json.loads(kit.commit().to_bytes())) is None


@pytest.mark.parametrize(
    ("change", "where"), [({"date": 7}, "date"), ({"parents": ["x"]}, "parents/0"), ({"more": 1}, "the document")]
)
def test_the_place_is_named(kit: Kit, change: dict[str, Any], where: str) -> None:
    problem = schema_problem(COMMIT, {**json.loads(kit.commit().to_bytes()), **change})
    assert problem is not None and problem.startswith(f"{where}: ") and "\n" not in problem


@pytest.mark.parametrize("document", [None, [], "text", {}, {"format": 1}, {"format": 99}])
def test_what_is_none_of_them_is_none_in_any_version(document: Any) -> None:
    assert all(schema_problem(name, document) for name in (COMMIT, PACK))


def test_every_schema_that_ships_is_asked_by_a_name() -> None:
    found = {path.name.removesuffix(".schema.json") for path in (ROOT / "schema").glob("*.schema.json")}
    assert found == {COMMIT, EDIT, PACK, f"{COMMIT}-1", f"{PACK}-1"}
