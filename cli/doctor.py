"""``wisedb doctor``: is everything here that wisedb needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from . import render
from .options import base_option, command
from .session import Session

_STYLES = {"ok": "green", "note": "dim", "warning": "yellow", "wrong": "red"}


@command("wisedb doctor", "wisedb doctor --json")
@base_option()
def doctor(session: Session) -> None:
    """Look whether everything is here that wisedb needs.

    Packages and extras, who commits, room, GPU, Hub token (whether there is one, never which), the programs that sign,
    and of the store here its index, its locks and its base model. Nothing is changed and nothing fetched. Exits with 1
    where something is wrong.
    """
    from wisedb.doctor.examine import examine

    with session.progress():
        checks = examine(session.start, session.store, who=session.who(), trust=session.trust(), base=session.base)
    wrong = sum(1 for check in checks if check.state == "wrong")
    session.show({"ok": not wrong, "checks": [check.to_json() for check in checks]}, _lines)
    if wrong:
        raise click.exceptions.Exit(1)


def _lines(found: Mapping[str, Any]) -> render.Lines:
    rows = [
        ((check["state"], _STYLES[check["state"]]), check["name"], check["detail"], (check["hint"], "dim"))
        for check in found["checks"]
    ]
    yield render.table("", "what", "found", "what to do", rows=rows)
    wrong = sum(1 for check in found["checks"] if check["state"] == "wrong")
    yield render.line(("all is well", "green") if found["ok"] else (render.plural(wrong, "thing") + " wrong", "red"))
