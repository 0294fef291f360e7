"""``wisedb reset``: move the branch itself."""

from __future__ import annotations

from .checkout import show_move
from .options import command, revision
from .session import Session


@command("wisedb reset HEAD~1", 'wisedb reset "@{1}"')
@revision()
def reset(session: Session, rev: str) -> None:
    """Move the branch itself to REV.

    The reflog remembers where it was. 'wisedb rollback' goes back and keeps the history.
    """
    show_move(session, session.repository().reset(rev).to_json(), "The branch is at")
