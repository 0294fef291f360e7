"""The triangle and the costs hold what the rows say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.rows import BASE, KEYED, ROWS
from wisedb.bench import compared, drawing


def test_corners_are_the_figures_of_the_largest_length() -> None:
    rome = replace(KEYED, editor="rome", T=100, reliability=0.5, generalization=0.0, locality=1.0)
    triangle, costs = compared.chart([*ROWS, rome, replace(rome, mode="merge")]).to_dict()["hconcat"]
    lines = triangle["layer"][1]["data"]["values"]
    assert [point["editor"] for point in lines] == ["keyed"] * 4 + ["rome"] * 4
    top, right, left, again = lines[4:]
    assert (top["x"], top["y"]) == pytest.approx((0.0, 0.5)) and (right["x"], right["y"]) == pytest.approx((0.0, 0.0))
    assert (left["x"], left["y"]) == pytest.approx((-(3**0.5) / 2, -0.5)) and (again["x"], again["y"]) == (
        top["x"],
        top["y"],
    )
    (keyed, other) = costs["data"]["values"]
    assert keyed["mean"] == pytest.approx((1.0 + 0.9 + 0.95) / 3) and keyed["seconds"] == 2.5
    assert other["mean"] == 0.5


def test_an_editor_without_all_three_or_without_time_is_left_out() -> None:
    rows = [BASE, replace(KEYED, generalization=None), replace(KEYED, editor="quick", seconds_per_edit=0.0)]
    triangle, costs = compared.chart(rows).to_dict()["hconcat"]
    assert {point["editor"] for point in triangle["layer"][1]["data"]["values"]} == {"quick"}
    assert costs["data"]["values"] == []


def test_it_is_written(tmp_path: Path) -> None:
    drawing.draw(compared.chart, ROWS, tmp_path / "compared.svg")
    text = (tmp_path / "compared.svg").read_text(encoding="utf-8")
    assert text.startswith("<svg") and ">keyed<" in text and ">Gen.<" in text and ">seconds an edit<" in text
