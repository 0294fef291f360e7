"""``wisedb revert``: take single facts out in a new commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .checkout import show_move
from .options import base_option, command, message_option
from .session import Session
from .signatures import sign_option, signature_options

if TYPE_CHECKING:
    from wisedb.signing.signer import Sign


@command("wisedb revert 1f3a", 'wisedb revert HEAD -m "that batch was wrong"', "wisedb revert HEAD --mainline 2")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option(
    "--mainline", type=int, metavar="N", help="Of a merge: go back to the facts of parent N, from 1; 1 by default."
)
@message_option
@signature_options
@sign_option
@base_option()
def revert(
    session: Session,
    ids: tuple[str, ...],
    mainline: int | None,
    message: str | None,
    author: str,
    date: str | None,
    sign: Sign | None,
) -> None:
    """Take single facts out, in a new commit.

    All the others stay. ID is the id of an edit (4 or more digits), or a revision: then all that this commit changed
    is undone. Of a merge that is all that it brought to the branch it was made on.
    """
    with session.progress() as progress:
        move = session.repository().revert(
            list(ids), message, mainline=mainline, author=author, date=date, sign=sign, progress=progress
        )
    show_move(session, move.to_json(), "Reverted in")
