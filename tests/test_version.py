"""The version stands in one place, and looking at it costs nothing."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import wisedb

ROOT = Path(__file__).parent.parent


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_package_takes_its_version_from_the_code() -> None:
    document = _project()
    assert document["project"]["dynamic"] == ["version"] and "version" not in document["project"]
    assert document["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "wisedb.__version__"}
    # setuptools reads a plain text out of the file; anything else it would have to import.
    source = (ROOT / "wisedb" / "__init__.py").read_text(encoding="utf-8")
    assert re.findall(r'^__version__ = "(.*)"$', source, re.MULTILINE) == [wisedb.__version__]


def test_the_changelog_knows_the_version() -> None:
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == "Unreleased" and headings[1] == wisedb.__version__


def test_the_version_is_not_looked_up() -> None:
    code = "import sys, wisedb; wisedb.__version__; print('importlib.metadata' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "False"
