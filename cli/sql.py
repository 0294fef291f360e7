"""``wisedb sql``: any question about the history, at once or in a shell."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wisedb.errors import UsageError

from . import render
from .options import command
from .session import Session

if TYPE_CHECKING:
    from wisedb.versioning.index import Table


@command(
    'wisedb sql "SELECT author, count(*) FROM commits GROUP BY author"',
    'wisedb sql "SELECT prompt, target, author, date FROM facts_in_force" --format csv > facts.csv',
    'wisedb sql "SELECT * FROM facts_history" --format parquet -o history.parquet',
    "wisedb sql",
    "wisedb sql < question.sql",
)
@click.argument("query", required=False)
@click.option(
    "--format",
    type=click.Choice(["table", "csv", "json", "parquet"]),
    default="table",
    show_default=True,
    help="How the answer is given; json is an array of objects, a row each.",
)
@click.option("-o", "--output", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write it there.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    default=60.0,
    show_default=True,
    help="Stop a query then.",
)
def sql(session: Session, query: str | None, format: str, output: Path | None, timeout: float) -> None:
    """Run a read-only SQL query over the index (DuckDB).

    Without QUERY a shell asks for one after the other, and completes names by the tab key; where what is typed comes
    from a file or another program, each query up to its ; is answered. The tables are commits, edits, facts (in force
    at HEAD), facts_in_force (with what brought each), facts_history, changes, memories, scores, refs, reflog and
    signatures. In CSV no cell is a formula. A query reaches no file, no network and nothing else of this machine, and
    may take 2 GB of memory.
    """
    if session.as_json and (format != "table" or output is not None):
        raise click.UsageError("--json is a document of its own: leave out --format and --output")
    if session.as_json and query is None:
        raise click.UsageError("--json is one document, for one QUERY")
    if format == "parquet" and output is None and sys.stdout.isatty():
        raise click.UsageError("Parquet is no text for a terminal: give -o FILE")
    repository = session.repository()
    if query is not None:
        with session.progress():
            found = repository.sql(query, timeout=timeout)
        _answer(session, found, format, output)
        return
    if output is not None:
        raise click.UsageError("--output needs a QUERY")
    from .sql_shell import Shell

    def ask(query: str) -> Table:
        return repository.sql(query, timeout=timeout)

    Shell(ask, lambda found, how: _answer(session, found, how, None), format).run(sys.stdin)


def _answer(session: Session, found: Table, format: str, output: Path | None) -> None:
    if format == "table" and output is None:
        session.show(found.to_json(), _sql)
        return
    from wisedb.report.answer_table import as_bytes

    data = as_bytes(found.columns, found.rows, "csv" if format == "table" else format)
    if output is None:
        sys.stdout.flush()
        binary = getattr(sys.stdout, "buffer", None)
        if binary is not None:
            binary.write(data)
        elif format == "parquet":
            raise UsageError("Parquet can't be written here", hint="Give -o FILE.")
        else:
            sys.stdout.write(data.decode())
        return
    from wisedb.store.files import Disk

    Disk().write(output, data)
    session.tell(
        {"path": str(output), "format": format, "rows": len(found.rows), "bytes": len(data)},
        lambda told: [
            render.line((told["path"], "bold"), f": {render.plural(told['rows'], 'row')}, {render.size(told['bytes'])}")
        ],
    )


def _sql(answer: Mapping[str, Any]) -> render.Lines:
    columns, rows = answer["columns"], answer["rows"]
    numbers = [
        name
        for index, name in enumerate(columns)
        if rows and all(isinstance(row[index], int | float) and not isinstance(row[index], bool) for row in rows)
    ]
    yield render.table(*columns, rows=rows, numbers=numbers)
    yield render.line((render.plural(len(rows), "row"), "dim"))
