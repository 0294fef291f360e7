"""The page of figures names the conditions that they were measured under."""

from __future__ import annotations

from tests.bench.rows import CONDITIONS, ROWS
from wisedb.bench import table


def test_the_page_names_its_conditions() -> None:
    page = table.page(ROWS, CONDITIONS, "wisedb bench --seed 3", "2026-01-31", ["figures.svg"])
    for words in ("wisedb bench --seed 3", "a machine", "torch 2", "seed: 3", "one by one", "steps=3", "figures.svg"):
        assert words in page
    assert "| 10 | keyed | retrieve | 1.000 | 0.900 | 0.950 | 1.000 | 0.800 | 2.50 | 1.20× | 1.10× | 2.0 | 0 |" in page
    assert "| 10 | unedited |  | 0.250 |" in page
