"""``wisedb unstage``: take edits out of the next commit."""

from __future__ import annotations

import click

from .options import command
from .session import Session
from .status import newest


@command("wisedb unstage", "wisedb unstage 1f3a")
@click.argument("edits", metavar="[EDIT]...", nargs=-1)
def unstage(session: Session, edits: tuple[str, ...]) -> None:
    """Take edits out of the next commit.

    EDIT is the id of a staged edit, 4 or more digits; without one, all are taken out.
    """
    status = session.repository().unstage(list(edits) if edits else None)
    session.tell(status.to_json(), newest)
