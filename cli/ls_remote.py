"""``wisedb ls-remote``: the branches and tags of a remote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wisedb.errors import NotAStore

from . import render
from .options import command
from .session import Session
from .transfer import ENDPOINT, REMOTE


@command("wisedb ls-remote", "wisedb ls-remote ada/geography", name="ls-remote")
@REMOTE
@ENDPOINT
def ls_remote(session: Session, remote: str | None, endpoint: str | None) -> None:
    """List the branches and tags of a remote.

    Nothing is fetched. An address can be asked from anywhere, a name only in the store that knows it.
    """
    with session.progress():
        try:
            found = session.repository().ls_remote(remote, endpoint=endpoint)
        except NotAStore:
            if remote is None:
                raise
            from wisedb.sharing.lsremote import ls_address

            found = ls_address(remote, endpoint=endpoint)
    session.show([ref.to_json() for ref in found], _listed)


def _listed(refs: Sequence[Mapping[str, Any]]) -> render.Lines:
    if not refs:
        yield render.line(("Nothing was published there yet.", "dim"))
        return
    yield render.table("ref", "commit", rows=[((ref["name"], "green"), render.ident(ref["commit"])) for ref in refs])
