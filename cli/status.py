"""``wisedb status``: what the next commit takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from wisedb.shown import shown_prompt

from . import render
from .options import command
from .refs import apart
from .session import Session

_NEWEST = 10
"""How many of the edits that were just staged are shown."""


@command("wisedb status", "wisedb status -s", "wisedb status --json")
@click.option("-s", "--short", is_flag=True, help="Only what is staged, a line an edit.")
def status(session: Session, short: bool) -> None:
    """Show the branch, what is staged, and the health of the index."""
    session.show(session.repository().status().to_json(), _short if short else situation)


def _short(status: Mapping[str, Any]) -> render.Lines:
    return (render.line(("A  ", "green"), f"{shown_prompt(edit)} {edit['target']}") for edit in status["staged"])


def situation(status: Mapping[str, Any]) -> render.Lines:
    """The branch and what is staged."""
    yield from _where(status)
    yield from _listed(status["staged"])


def newest(status: Mapping[str, Any]) -> render.Lines:
    """The branch, what was replaced, and what is staged; of much only the newest."""
    yield from _where(status)
    staged: Sequence[Mapping[str, Any]] = status["staged"]
    replaced: Sequence[Mapping[str, Any]] = status.get("replaced", ())
    by_key = {_key(edit): edit for edit in staged} if replaced else {}
    for gone in replaced[:_NEWEST]:
        now = by_key.get(_key(gone))
        what = f"{gone['target']!r} by {now['target']!r}" if now and now["target"] != gone["target"] else "an edit"
        yield render.line((f"replaced {what}: ", "yellow"), gone["prompt"])
    if len(replaced) > _NEWEST:
        yield render.line((f"replaced {len(replaced) - _NEWEST:,} more", "yellow"))
    if len(staged) <= _NEWEST:
        yield from _listed(staged)
        return
    now_staged = f", {status['given']:,} of them now" if "given" in status else ""
    yield render.line(f"{len(staged):,} edits staged{now_staged}; the last:")
    yield from render.edits(staged[-3:], "")
    yield render.line(("'wisedb status' lists them all", "dim"))


def _listed(staged: Sequence[Mapping[str, Any]]) -> render.Lines:
    if staged:
        yield render.line(f"{render.plural(len(staged), 'edit')} staged:")
    yield from render.edits(staged, "Nothing is staged.")


def _where(status: Mapping[str, Any]) -> render.Lines:
    head = status["head"]
    where = f"On branch {status['branch']}" if status["branch"] else "On no branch"
    yield render.line(where, ", at " if head else ", no commit yet", render.ident(head) if head else None)
    if status.get("upstream"):
        yield render.line(("upstream: ", "dim"), apart(status))
    if status["index"] not in ("ok", "caught-up"):  # what a person can do nothing about, and needn't
        yield render.line(("index: ", "dim"), status["index"])


def _key(edit: Mapping[str, Any]) -> str:
    from wisedb.edits import normalise_prompt

    return normalise_prompt(edit["prompt"])
