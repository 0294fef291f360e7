"""``wisedb rollback``: go back to a state in a new commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .checkout import show_move
from .options import command, message_option, revision
from .session import Session
from .signatures import sign_option, signature_options

if TYPE_CHECKING:
    from wisedb.signing.signer import Sign


@command("wisedb rollback HEAD~1", 'wisedb rollback v1 -m "back to what was released"')
@revision()
@message_option
@signature_options
@sign_option
def rollback(session: Session, rev: str, message: str | None, author: str, date: str | None, sign: Sign | None) -> None:
    """Go back to the state of REV in a new commit.

    The history stays whole, and the memories are those of REV to the bit.
    """
    with session.progress():
        move = session.repository().rollback(rev, message, author=author, date=date, sign=sign)
    show_move(session, move.to_json(), "Rolled back in")
