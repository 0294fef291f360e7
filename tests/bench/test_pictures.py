"""Tables and plots hold what the rows say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from wisedb.bench import plot, table
from wisedb.bench.results import Row
from wisedb.errors import InputError, UsageError

BASE = Row(
    "unedited", "base", "atlas", "numbers", 10, "one-by-one", 3, 0.25, 0.2, 1.0, 0.0, 0.0, None, 1.0, 1.0, None, 7
)
WISE = Row(
    "keyed", "retrieve", "atlas", "numbers", 10, "one-by-one", 3, 1.0, 0.9, 0.95, 1.0, 0.8, 2.5, 1.2, 1.1, 2000.0, 9
)
ROWS = [BASE, WISE, replace(WISE, mode="merge", reliability=0.3), replace(BASE, T=100), replace(WISE, T=100)]
CONDITIONS = {"machine": "a machine", "versions": {"wisedb": "1", "torch": "2"}, "settings": {"steps": 3}}


def test_the_page_names_its_conditions() -> None:
    page = table.page(ROWS, CONDITIONS, "wisedb bench --seed 3", "2026-01-31", ["figures.svg"])
    for words in ("wisedb bench --seed 3", "a machine", "torch 2", "seed: 3", "one by one", "steps=3", "figures.svg"):
        assert words in page
    assert "| 10 | keyed | retrieve | 1.000 | 0.900 | 0.950 | 1.000 | 0.800 | 2.50 | 1.20× | 1.10× | 2.0 | 0 |" in page
    assert "| 10 | unedited |  | 0.250 |" in page


@pytest.mark.parametrize("rows", [ROWS, ROWS[:2], [BASE]], ids=["several", "one length", "unedited alone"])
def test_an_svg_shows_every_editor_and_figure(rows: list[Row], tmp_path: Path) -> None:
    plot.draw(rows, tmp_path / "figures.svg")
    text = (tmp_path / "figures.svg").read_text(encoding="utf-8")
    assert text.startswith("<svg")
    titles = [
        "Reliability",
        "Locality",
        "Exact match, rephrased",
        "Decoding, × unedited",
        *{row.editor for row in rows},
    ]
    for words in titles:
        assert f">{words}<" in text
    assert (">merge<" in text) == any(row.mode == "merge" for row in rows)


def test_a_png_is_one(tmp_path: Path) -> None:
    plot.draw(ROWS, tmp_path / "figures.PNG")
    assert (tmp_path / "figures.PNG").read_bytes().startswith(b"\x89PNG\r\n")


def test_costs_that_are_alike_in_every_mode_are_drawn_once() -> None:
    panels = plot.chart(ROWS).to_dict()["concat"]
    seconds = next(panel for panel in panels if panel["title"]["text"] == "Seconds per edit")
    drawn = seconds["layer"][0]["data"]["values"]
    assert [(point["T"], point["mode"]) for point in drawn] == [(10, "retrieve"), (100, "retrieve")]


@pytest.mark.parametrize("largest", [0.0, 0.003, 0.9, 1.0, 1.25, 7, 5e3, 123456.0])
def test_ticks_are_few_round_and_reach_the_largest(largest: float) -> None:
    ticks = plot._ticks(largest)
    assert ticks[0] == 0 and ticks[-1] >= largest * (1 - 1e-9)
    assert 2 <= len(ticks) <= 7


def test_another_ending_and_a_missing_extra_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="neither"):
        plot.require(tmp_path / "figures.gif")
    monkeypatch.setattr(plot, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="not installed") as found:
        plot.draw(ROWS, tmp_path / "figures.svg")
    assert "pip install 'wisedb[bench]'" in found.value.hint
    assert not plot.available()
