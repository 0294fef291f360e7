"""The page of figures names the conditions that they were measured under."""

from __future__ import annotations

from dataclasses import replace

from tests.bench.rows import CONDITIONS, KEYED, ROWS
from wisedb.bench import table


def test_the_page_names_its_conditions() -> None:
    page = table.page(ROWS, CONDITIONS, "wisedb bench --seed 3", "2026-01-31", ["figures.svg"])
    told = ("wisedb bench --seed 3", "a machine", "torch 2", "seeds: 3", "subjects: given", "one by one", "steps=3")
    for words in (*told, "figures.svg"):
        assert words in page
    assert (
        "| 10 | keyed | retrieve | 1.000 | 0.900 | 0.950 | 0.600 | 1.000 | 0.800 | 2.50 | 1.20× | 1.10× | 2.0 | 0 |"
        in page
    )
    assert "| 10 | unedited |  | 0.250 |" in page


def test_of_several_seeds_the_table_has_mean_and_spread() -> None:
    rows = [*ROWS[:2], replace(KEYED, seed=4, reliability=0.8, decode_overhead=None, leaked_rephrases=12)]
    page = table.page(rows, CONDITIONS, "wisedb bench", "2026-01-31", [])
    assert "| 10 | keyed | retrieve | 0.900 ±0.141 | 0.900 ±0.000 |" in page
    assert "| 1.20× ±0.00× | 1.10× |" in page and "| 10 | unedited |  | 0.250 |" in page
    assert "seeds: 3, 4" in page and "± their standard deviation" in page and "12 rephrases are left out" in page
    assert "standard deviation" not in table.page(ROWS, CONDITIONS, "wisedb bench", "2026-01-31", [])


def test_of_a_chat_the_table_has_what_was_said() -> None:
    rows = [replace(row, format="chat", says_it=0.75, says_it_rephrase=0.5) for row in ROWS[:2]]
    page = table.page(rows, CONDITIONS, "wisedb bench", "2026-01-31", [])
    assert "| loc. | forced | says it | says it rephrase | s/edit |" in page and "exact" not in page
    assert "| 10 | keyed | retrieve | 1.000 | 0.900 | 0.950 | 0.600 | 0.750 | 0.500 | 2.50 |" in page
    assert "behind the chat template" in page and "behind the chat template" not in table.note(ROWS)
