"""``wisedb fetch``: bring what others published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from . import render
from .options import command
from .session import Session
from .transfer import ENDPOINT, REMOTE, amount, moved_refs


@command("wisedb fetch", "wisedb fetch origin --prune", "wisedb fetch ada/geography main")
@REMOTE
@click.argument("branches", metavar="[BRANCH]...", nargs=-1)
@click.option("-p", "--prune", is_flag=True, help="Forget branches that are gone there.")
@ENDPOINT
def fetch(session: Session, remote: str | None, branches: tuple[str, ...], prune: bool, endpoint: str | None) -> None:
    """Bring what others published, and change nothing of your own.

    Their branches are then called origin/main and so on: 'wisedb log origin/main', 'wisedb diff main origin/main'.
    """
    with session.progress() as progress:
        done = session.repository().fetch(remote, branches, prune=prune, endpoint=endpoint, progress=progress)
    session.tell(done.to_json(), fetched)


def fetched(done: Mapping[str, Any]) -> render.Lines:
    """What a fetch brought."""
    if not done["refs"] and not done["bytes"]:
        yield render.line("Nothing new at ", (done["remote"], "green"), ".")
    else:
        yield render.line("Fetched from ", (done["remote"], "green"), f": {amount(done, 'received')}")
        yield from moved_refs(done["refs"])
    for tag in done["tags_kept"]:
        yield render.line((f"tag '{tag}' is another commit there; yours is kept", "yellow"))
