"""``wisedb search``: edits by their texts."""

from __future__ import annotations

import click

from . import render
from .options import command
from .session import Session


@command("wisedb search Australia")
@click.argument("text")
def search(session: Session, text: str) -> None:
    """List the edits that hold TEXT, of all commits.

    Each with the commit that it first came with, its author and its date.
    """
    from wisedb.store import history  # not for `--help`
    from wisedb.store.rows import uncollected

    store = session.store()
    with uncollected():
        if session.as_json:
            session.pass_on(history.search_as(history.JSON_SINCE, store, text))
        else:
            found = history.search_as(history.BRIEF_SINCE, store, text)
            session.browse_lines(render.dated_listing(found, "No edit holds that."))
