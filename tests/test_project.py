"""What stands beside the code says the same as the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import LONGEST

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(str(path.relative_to(ROOT)) for path in (ROOT / ".github").rglob("*.yml")))
def test_forms_and_workflows_are_yaml(name: str) -> None:
    assert isinstance(_read(name), dict)


def test_every_python_that_is_named_is_tested() -> None:
    named = [found[1] for line in PROJECT["classifiers"] if (found := re.search(r"Python :: (3\.\d+)$", line))]
    assert _read(".github/workflows/ci.yml")["jobs"]["test"]["strategy"]["matrix"]["python"] == named
    assert PROJECT["requires-python"] == f">={named[0]}"


def test_the_citation_is_of_this_project() -> None:
    citation = _read("CITATION.cff")
    assert citation["license"] == PROJECT["license"] and citation["title"].startswith(PROJECT["name"])
    assert [author["name"] for author in citation["authors"]] == [author["name"] for author in PROJECT["authors"]]
    assert "version" not in citation  # it would be a second place


def test_the_longest_files_of_tests_are_there() -> None:
    assert all((ROOT / name).is_file() for name in LONGEST) and len(set(LONGEST)) == len(LONGEST)
