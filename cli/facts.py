"""``facts``: what is in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from . import render
from .options import command, revision
from .session import Session

if TYPE_CHECKING:
    pass


@command(
    "wisedb facts",
    "wisedb facts HEAD~2 --json",
    "wisedb facts --at 2026-01-31",
    "wisedb facts v1 --csv > facts.csv",
)
@revision(default="HEAD")
@click.option("--at", metavar="DATE|REV", help="As it was on REV's line at this time; or at this revision.")
@click.option("-n", "--number", "limit", metavar="N", type=click.IntRange(min=0), help="The first N facts only.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, a line a fact under one of names, that 'add' reads.")
def facts(session: Session, rev: str, at: str | None, limit: int | None, as_csv: bool) -> None:
    """List the edits in force at REV, in the order in which they came into force.

    Each with the commit that brought it, its author and its date.
    """
    from wisedb.store import history  # not for `--help`
    from wisedb.store.rows import uncollected

    store = session.store()
    if at is not None:
        rev = history.at_time(store, rev, at)
    if as_csv and session.as_json:
        raise click.UsageError("--csv and --json exclude each other")
    with uncollected():
        if as_csv:
            session.write_csv(history.CSV_COLUMNS, history.facts_as(history.CSV, store, rev, limit))
        elif session.as_json:
            session.pass_on(history.facts_as(history.JSON_SINCE, store, rev, limit))
        else:
            found = history.facts_as(history.BRIEF_SINCE, store, rev, limit)
            session.browse_lines(render.dated_listing(found, "No edit is in force."))
