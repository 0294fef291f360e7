"""Tables and plots hold what the rows say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.rows import BASE, KEYED, ROWS
from wisedb.bench import drawing, plot
from wisedb.bench.results import Row


def test_of_several_seeds_the_mean_is_drawn() -> None:
    panels = plot.chart([KEYED, replace(KEYED, seed=4, reliability=0.5)]).to_dict()["concat"]
    assert [point["value"] for point in panels[0]["layer"][0]["data"]["values"]] == [0.75]


@pytest.mark.parametrize("rows", [ROWS, ROWS[:2], [BASE]], ids=["several", "one length", "unedited alone"])
def test_an_svg_shows_every_editor_and_figure(rows: list[Row], tmp_path: Path) -> None:
    drawing.draw(plot.chart, rows, tmp_path / "figures.svg")
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


def test_of_a_chat_it_shows_what_was_said() -> None:
    panels = plot.chart([replace(KEYED, format="chat", says_it=0.25)]).to_dict()["concat"]
    titles = [panel["title"]["text"] for panel in panels]
    assert "Says it" in titles and "Exact match" not in titles


def test_a_png_is_one(tmp_path: Path) -> None:
    drawing.draw(plot.chart, ROWS, tmp_path / "figures.PNG")
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
