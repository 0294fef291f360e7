"""A report's facts as one table: CSV for spreadsheets, Parquet for programs."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any, Final

from wisedb.report.cells import csv_text
from wisedb.report.contents import Report
from wisedb.shown import shown_prompt

COLUMNS: Final = (
    *("id", "prompt", "target", "subject", "ground_truth", "reason", "source", "tags", "rephrases"),
    *("author", "date", "commit", "before", "after", "chat_before", "chat_after"),
    *("report_commit", "base_fingerprint"),
)
"""The columns, in their order: the edit, what brought it, what the model says, and of which report the row is."""

_LISTS: Final = frozenset({"tags", "rephrases"})


def to_csv(report: Report) -> bytes:
    """A line a fact, UTF-8 with a mark by which spreadsheets know it; lists as JSON."""
    rows = ([_listed(row[name]) for name in COLUMNS] for row in map(_row(report), report.facts))
    return csv_text(COLUMNS, rows).encode("utf-8-sig")


def to_parquet(report: Report) -> bytes:
    """The same as Parquet: texts, and lists of texts. Nothing is changed in it: no program runs a cell of it."""
    import pyarrow
    import pyarrow.parquet

    schema: Any = pyarrow.schema(
        [(name, pyarrow.list_(pyarrow.string()) if name in _LISTS else pyarrow.string()) for name in COLUMNS]
    )
    table = pyarrow.Table.from_pylist([_row(report)(fact) for fact in report.facts], schema=schema)
    sink = io.BytesIO()
    pyarrow.parquet.write_table(table, sink)
    return sink.getvalue()


def _row(report: Report) -> Any:
    def row(fact: Mapping[str, Any]) -> dict[str, Any]:
        said = report.answers.get(fact["id"])
        return {
            **{name: fact.get(name) for name in COLUMNS},
            "prompt": shown_prompt(fact),
            **({} if said is None else said.to_json()),
            "report_commit": report.commit,
            "base_fingerprint": report.base["fingerprint"],
        }

    return row


def _listed(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value
