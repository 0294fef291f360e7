"""``wisedb sql``: any question about the history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from . import render
from .options import command
from .session import Session


@command(
    'wisedb sql "SELECT author, count(*) FROM commits GROUP BY author"',
    'wisedb sql "SELECT prompt, target FROM facts" --json',
)
@click.argument("query")
def sql(session: Session, query: str) -> None:
    """Run a read-only SQL query over the index (DuckDB)."""
    with session.progress():
        found = session.repository().sql(query)
    session.show(found.to_json(), _sql)


def _sql(answer: Mapping[str, Any]) -> render.Lines:
    columns, rows = answer["columns"], answer["rows"]
    numbers = [
        name
        for index, name in enumerate(columns)
        if rows and all(isinstance(row[index], int | float) and not isinstance(row[index], bool) for row in rows)
    ]
    yield render.table(*columns, rows=rows, numbers=numbers)
    yield render.line((render.plural(len(rows), "row"), "dim"))
