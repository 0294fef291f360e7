"""``blame``, ``search`` and ``sql``: which edit stands behind an answer, and finding edits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from . import render
from .options import at_option, command
from .session import Session


@command('wisedb blame "The capital of Australia is"', 'wisedb blame "Who wrote Emma?" --at v1 --json')
@click.argument("prompt")
@at_option("Look at this commit.")
def blame(session: Session, prompt: str, at: str) -> None:
    """Name the edit and the commit behind an answer.

    Also who made it, when and why, and which edits look alike.
    """
    session.show(session.repository().blame(prompt, at).to_json(), blamed)


def blamed(found: Mapping[str, Any]) -> render.Lines:
    """The edit behind the answer, and those that look alike."""
    edit = found["edit"]
    if edit is None:
        yield render.line("No edit in force has the prompt ", (repr(found["prompt"]), "bold"))
    else:
        yield render.line(edit["prompt"], " ", (edit["target"], "bold"))
        yield render.line(("edit   ", "dim"), render.ident(edit["id"]))
        yield render.line(("commit ", "dim"), render.ident(found["commit"]))
        yield render.line(("author ", "dim"), found["author"])
        yield render.line(("date   ", "dim"), render.date(found["date"]))
        if found["reason"]:
            yield render.line(("reason ", "dim"), found["reason"])
    others = [item for item in found["candidates"] if edit is None or item["edit"]["id"] != edit["id"]]
    if others:
        yield render.line()
        yield render.line("Edits that look alike:")
        rows = [
            (
                f"{item['score']:.2f}",
                render.ident(item["edit"]["id"]),
                render.ident(item["commit"]),
                item["edit"]["prompt"],
                (item["edit"]["target"], "bold"),
            )
            for item in others
        ]
        yield render.table("score", "edit", "commit", "prompt", "target", rows=rows, numbers=("score",))


@command("wisedb search Australia")
@click.argument("text")
def search(session: Session, text: str) -> None:
    """List the edits that hold TEXT, of all commits."""
    from wisedb.store import history  # not for `--help`
    from wisedb.store.rows import uncollected

    store = session.store()
    with uncollected():
        if session.as_json:
            session.pass_on(history.search_as(history.JSON, store, text))
        else:
            render.show(render.listing(history.search_as(history.BRIEF, store, text), "No edit holds that."))


@command(
    'wisedb sql "SELECT author, count(*) FROM commits GROUP BY author"',
    'wisedb sql "SELECT prompt, target FROM facts" --json',
)
@click.argument("query")
def sql(session: Session, query: str) -> None:
    """Run a read-only SQL query over the index (DuckDB)."""
    session.show(session.repository().sql(query).to_json(), _sql)


def _sql(answer: Mapping[str, Any]) -> render.Lines:
    columns, rows = answer["columns"], answer["rows"]
    numbers = [
        name
        for index, name in enumerate(columns)
        if rows and all(isinstance(row[index], int | float) and not isinstance(row[index], bool) for row in rows)
    ]
    yield render.table(*columns, rows=rows, numbers=numbers)
    yield render.line((render.plural(len(rows), "row"), "dim"))
