"""``wisedb editors``: the ways to write edits that are installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import render
from .options import command
from .session import Session


@command("wisedb editors", "wisedb init --editor rome", "wisedb commit facts.jsonl -m 'by ROME' --editor rome")
def editors(session: Session) -> None:
    """List the editors: what each is good and bad at.

    Any of them can write in any store: `wisedb init --editor NAME` makes one the default, `wisedb commit --editor NAME`
    takes it for one commit. Each memory is trained, reverted and merged by the editor that began it.
    """
    from wisedb.editors.registry import describe

    session.show([found.to_json() for found in describe()], _listed)


def _listed(found: Sequence[Mapping[str, Any]]) -> render.Lines:
    for place, editor in enumerate(found):
        if place:
            yield render.line()
        yield render.line((editor["name"], "bold"), f"  {editor['kind']}, gate {editor['gate']}")
        yield render.line("  + ", editor["good_at"])
        yield render.line("  - ", editor["bad_at"])
