"""What can't be drawn is told before anything is measured."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.bench.rows import KEYED, ROWS
from wisedb.bench import drawing, plot
from wisedb.errors import InputError, UsageError


def test_another_ending_and_a_missing_extra_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="neither"):
        drawing.require(tmp_path / "figures.gif")
    monkeypatch.setattr(drawing, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="not installed") as found:
        drawing.draw(plot.chart, ROWS, tmp_path / "figures.svg")
    assert "pip install 'wisedb[bench]'" in found.value.hint
    assert not drawing.available()


def test_each_of_many_editors_has_a_colour_of_its_own() -> None:
    alt: Any = import_module("altair")
    rows = [replace(KEYED, editor=f"editor {number}") for number in range(17)]
    scale = drawing.colour_of(alt, rows, None).to_dict()["scale"]
    assert scale["domain"][0] == "unedited" and len(set(scale["range"])) == 18
