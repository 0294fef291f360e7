"""``wisedb explain``: why it says that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from . import render
from .options import at_option, command
from .session import Session


@command('wisedb explain "The capital of Australia is"', 'wisedb explain "Who wrote Emma?" --at v1 --json')
@click.argument("prompt")
@at_option("Ask the model at this commit.")
def explain(session: Session, prompt: str, at: str) -> None:
    """Say why the model answers as it does.

    Which memory answers PROMPT, what each router says of each memory, the edit that PROMPT means most, and the edits
    that look most like it.
    """
    session.show(session.repository().explain(prompt, at).to_json(), _explanation)


def _explanation(found: Mapping[str, Any]) -> render.Lines:
    yield render.line(f"{found['prompt']} ", (found["answer"], "bold"))
    yield render.line(("unedited model: ", "dim"), found["base_answer"])
    yield render.line(("answered by:    ", "dim"), _route_name(found))
    if found["meant"]:
        yield render.line(("means most:     ", "dim"), "edit ", render.ident(found["meant"]))
    if found["memories"]:
        yield render.line()
        routers = tuple(found["memories"][0]["scores"])
        rows = [
            (
                "*" if memory["id"] == found["memory"] else "",
                render.ident(memory["id"]),
                *(f"{memory['scores'][router]:.4g}" for router in routers),
                f"{memory['threshold']:.4g}",
            )
            for memory in found["memories"]
        ]
        numbers = (*routers, "threshold")
        yield render.table("", "memory", *numbers, rows=rows, numbers=numbers)
    if found["nearest"]:
        yield render.line()
        nearest = [
            (
                f"{item['score']:.2f}",
                render.ident(item["edit"]["id"]),
                item["edit"]["prompt"],
                (item["edit"]["target"], "bold"),
            )
            for item in found["nearest"]
        ]
        yield render.table("score", "edit", "prompt", "target", rows=nearest, numbers=("score",))


def _route_name(found: Mapping[str, Any]) -> str:
    if not found["routed"]:
        return "the base model: no memory reaches its threshold"
    return f"memory {found['memory'][: render.SHORT]}" if found["memory"] else "the merged memory"
