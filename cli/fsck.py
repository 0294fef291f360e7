"""``wisedb fsck``: check everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from . import render
from .options import command
from .session import Session


@command("wisedb fsck", "wisedb fsck --json")
def fsck(session: Session) -> None:
    """Check every object, every ref and the index.

    Exits with 1 when something is wrong. Nothing is changed.
    """
    with session.progress():
        found = session.repository().fsck().to_json()
    session.show(found, checked)
    if not found["ok"]:
        raise click.exceptions.Exit(1)


def checked(found: Mapping[str, Any]) -> render.Lines:
    """The problems, and the verdict."""
    objects = found["objects"]
    count = objects if isinstance(objects, int) else len(objects)
    if found["problems"]:
        rows = [((item["kind"], "red"), item["object"], item["detail"]) for item in found["problems"]]
        yield render.table("problem", "object", "detail", rows=rows)
        yield render.line()
    verdict = (render.plural(len(found["problems"]), "problem"), "red") if not found["ok"] else ("all is well", "green")
    yield render.line(f"{render.plural(count, 'object')} checked: ", verdict)
