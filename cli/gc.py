"""``wisedb gc``: collect what nothing needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from . import render
from .options import command
from .session import Session


@command("wisedb gc", "wisedb gc --prune", "wisedb gc --prune --grace 0")
@click.option("--prune", is_flag=True, help="Really remove them; without it, only say what would be removed.")
@click.option(
    "--grace",
    metavar="DAYS",
    type=click.FloatRange(min=0),
    default=14.0,
    show_default=True,
    help="Keep what is younger than this, since another process may be about to use it.",
)
def gc(session: Session, prune: bool, grace: float) -> None:
    """Collect what nothing needs any more.

    Objects that no branch, tag, reflog entry or staged edit needs are counted, and removed with --prune.
    """
    with session.progress():
        found = session.repository().gc(dry_run=not prune, grace=grace * 86_400).to_json()

    def lines(found: Mapping[str, Any]) -> render.Lines:
        removed = found["removed"]
        count = removed if isinstance(removed, int) else len(removed)
        what = f"{render.plural(count, 'object')}, {render.size(found['bytes'])}"
        yield render.line(f"removed {what}" if prune else f"would remove {what}")
        if found["unfinished"]:
            yield render.line(f"removed {render.plural(found['unfinished'], 'leftover')} of processes that died")
        if count and not prune:
            yield render.line(("'wisedb gc --prune' really does it", "dim"))

    session.tell(found, lines)
