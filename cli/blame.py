"""``wisedb blame``: which edit stands behind an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from wisedb.shown import shown_prompt

from . import render
from .options import at_option, command
from .session import Session


@command('wisedb blame "The capital of Australia is"', 'wisedb blame "Who wrote Emma?" --at v1 --json')
@click.argument("prompt")
@at_option("Look at this commit.")
@click.option("--no-model", is_flag=True, help="Compare words only; the model is not loaded.")
def blame(session: Session, prompt: str, at: str, no_model: bool) -> None:
    """Name the edit and the commit behind an answer.

    Also who made it, when, why and from where, what was said before, and which edits look alike. PROMPT may be the
    edit's own, or a question in your own words: then the model is asked which edit answers it.
    """
    with session.progress():
        found = session.repository().blame(prompt, at, ask=not no_model)
    session.browse(found.to_json(), blamed)


def blamed(found: Mapping[str, Any]) -> render.Lines:
    """The edit behind the answer, and those that look alike."""
    edit = found["edit"]
    if edit is None:
        yield render.line("No edit in force answers ", (repr(found["prompt"]), "bold"))
    else:
        yield render.line(shown_prompt(edit), " ", (edit["target"], "bold"))
        yield render.line(("edit   ", "dim"), render.ident(edit["id"]))
        yield render.line(("commit ", "dim"), render.ident(found["commit"]))
        yield render.line(("author ", "dim"), found["author"])
        yield render.line(("date   ", "dim"), render.date(found["date"]))
        for name in ("reason", "source"):
            if found.get(name):
                yield render.line((f"{name} ", "dim"), found[name])
        if found.get("was"):
            yield render.line(("before ", "dim"), found["was"])
        elif found.get("ground_truth"):
            yield render.line(("before ", "dim"), found["ground_truth"], (", by the edit's own word", "dim"))
        if found.get("asked_model"):
            yield render.line(("asked  ", "dim"), "the model takes your question for this one")
    others = [item for item in found["candidates"] if edit is None or item["edit"]["id"] != edit["id"]]
    if others:
        yield render.line()
        yield render.line("Edits that look alike:")
        rows = [
            (
                f"{item['score']:.2f}",
                render.ident(item["edit"]["id"]),
                render.ident(item["commit"]),
                shown_prompt(item["edit"]),
                (item["edit"]["target"], "bold"),
            )
            for item in others
        ]
        yield render.table("score", "edit", "commit", "prompt", "target", rows=rows, numbers=("score",))
