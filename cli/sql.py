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
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    default=60.0,
    show_default=True,
    help="Stop the query then.",
)
def sql(session: Session, query: str, timeout: float) -> None:
    """Run a read-only SQL query over the index (DuckDB).

    It reaches no file, no network and nothing else of this machine, and may take 2 GB of memory.
    """
    with session.progress():
        found = session.repository().sql(query, timeout=timeout)
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
