"""``wisedb rev-parse``: the commit that a revision means, for scripts."""

from __future__ import annotations

import click

from . import render
from .complete import complete_revision
from .options import command
from .session import Session


@command("wisedb rev-parse HEAD~2", "wisedb rev-parse --short main v1", name="rev-parse")
@click.argument("revs", metavar="REV...", nargs=-1, required=True, shell_complete=complete_revision)
@click.option("--short", is_flag=True, help="The first digits, as other commands show them.")
def rev_parse(session: Session, revs: tuple[str, ...], short: bool) -> None:
    """Print the id of the commit that each REV means."""
    store = session.store()
    ids = [store.resolve(rev) for rev in revs]
    found = [{"rev": rev, "commit": commit} for rev, commit in zip(revs, ids, strict=True)]
    session.show(
        found, lambda found: [render.line(each["commit"][: render.SHORT if short else None]) for each in found]
    )
