"""``wisedb reindex``: build the index anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import render
from .options import command
from .session import Session


@command("wisedb reindex")
def reindex(session: Session) -> None:
    """Build the index anew from the objects.

    The index is derived data: nothing is lost with it.
    """
    with session.progress():
        made = session.repository().reindex()
    session.show(made.to_json(), _reindex)


def _reindex(made: Mapping[str, Any]) -> render.Lines:
    commits, edits = (
        render.plural(made[name], name[:-1]) if isinstance(made[name], int) else str(made[name])
        for name in ("commits", "edits")
    )
    yield render.line(f"{commits}, {edits} indexed in {render.seconds(made['seconds'])}")
