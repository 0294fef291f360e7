"""The page of figures names the conditions that they were measured under."""

from __future__ import annotations

import csv
from dataclasses import fields, replace
from io import StringIO

from tests.bench.rows import CONDITIONS, KEYED, ROWS
from wisedb.bench import table
from wisedb.bench.results import Row


def test_the_page_names_its_conditions() -> None:
    page = table.page(ROWS, CONDITIONS, "wisedb bench --seed 3", "2026-01-31", {"figures.svg": "All"})
    told = ("wisedb bench --seed 3", "a machine", "torch 2", "seeds: 3", "subjects: given", "one by one", "steps=3")
    for words in (*told, "figures.svg"):
        assert words in page
    assert (
        "| 10 | keyed | retrieve | 1.000 | 0.900 | 0.950 | 0.990 | 0.600 | 1.000 | 0.800 | 0.970 | 0.750 | 2.50 |"
        " 1.20× | 1.10× | 2.0 | 0 |\n"
    ) in page
    assert "undo" not in page and "GFLOP" not in page and "Off:" not in page
    assert "| 10 | unedited |  | 0.250 |" in page


def test_of_several_seeds_the_table_has_mean_and_spread() -> None:
    rows = [*ROWS[:2], replace(KEYED, seed=4, reliability=0.8, decode_overhead=None, leaked_rephrases=12)]
    page = table.page(rows, CONDITIONS, "wisedb bench", "2026-01-31", {})
    assert "| 10 | keyed | retrieve | 0.900 ±0.141 | 0.900 ±0.000 |" in page
    assert "| 1.20× ±0.00× | 1.10× |" in page and "| 10 | unedited |  | 0.250 |" in page
    assert "seeds: 3, 4" in page and "± their standard deviation" in page and "12 rephrases are left out" in page
    assert "standard deviation" not in table.page(ROWS, CONDITIONS, "wisedb bench", "2026-01-31", {})


def test_of_a_chat_the_table_has_what_was_said() -> None:
    rows = [replace(row, format="chat", says_it=0.75, says_it_rephrase=0.5) for row in ROWS[:2]]
    page = table.page(rows, CONDITIONS, "wisedb bench", "2026-01-31", {})
    assert "| loc. | text | forced | says it | says it rephrase | s/edit |" in page and "exact" not in page
    assert "| 10 | keyed | retrieve | 1.000 | 0.900 | 0.950 | 0.990 | 0.600 | 0.750 | 0.500 | 2.50 |" in page
    assert "behind the chat template" in page and "behind the chat template" not in table.note(ROWS)


def test_what_only_some_rows_have_gets_its_columns_where_there_is_one() -> None:
    back = replace(
        KEYED, undo_seconds=1.5, undo_restored=1.0, undo_kept=0.95, disabled_restored=1.0, flops_per_edit=2e9
    )
    page = table.page([*ROWS[:1], back], CONDITIONS, "wisedb bench --undo --flops", "2026-01-31", {})
    assert "| peak MB | off: back | undo s | undo: back | undo: kept | GFLOP/edit |" in page
    assert "| 0 | 1.000 | 1.50 | 1.000 | 0.950 | 2.0 |" in page
    assert "Off: edits whose answer" in page and "Undo: seconds of reverting" in page


def test_the_sheet_has_every_figure_of_every_row() -> None:
    found = list(csv.DictReader(StringIO(table.sheet(ROWS))))
    assert [(row["editor"], row["T"], row["mode"]) for row in found] == [
        (row.editor, str(row.T), row.mode) for row in ROWS
    ]
    assert found[0]["seconds_per_edit"] == "" and found[1]["reliability"] == "1.0"
    assert list(found[0]) == [field.name for field in fields(Row)]
