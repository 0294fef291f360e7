"""``wisedb explain``: why it says that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from wisedb.shown import shown_prompt

from . import render
from .options import at_option, base_option, command, mode_option
from .session import Session


@command(
    'wisedb explain "The capital of Australia is"',
    'wisedb explain "Who wrote Emma?" --at v1 --json',
    'wisedb explain --chat "I like Emma. Who wrote it?"',
    'wisedb explain "Who wrote Emma?" --without 3f2a91c0',
)
@click.argument("prompt")
@at_option("Ask the model at this commit.")
@mode_option()
@click.option("--chat", is_flag=True, help="PROMPT is a user's message behind the model's chat template.")
@click.option("--system", metavar="TEXT", help="The system message in front of it; means --chat.")
@click.option("--without", metavar="EDIT", help="Also ask with this edit switched off, and with another one.")
@base_option()
def explain(
    session: Session, prompt: str, at: str, mode: str, chat: bool, system: str | None, without: str | None
) -> None:
    """Say why the model answers as it does.

    Which memory answers PROMPT, what each router says of each memory, the edit that PROMPT means most, and the edits
    that look most like it. With --chat, also the sentences of PROMPT that ask for edits, as they were read.
    """
    with session.progress() as progress:
        found = session.repository().explain(
            prompt, at, mode, chat=chat, system=system, without=without, progress=progress
        )
    session.show(found.to_json(), _explanation)


def _explanation(found: Mapping[str, Any]) -> render.Lines:
    yield render.line(f"{found['prompt']} ", (found["answer"], "bold"))
    yield render.line(("unedited model: ", "dim"), found["base_answer"])
    yield render.line(("answered by:    ", "dim"), _route_name(found))
    for edit in found.get("facts", ()):
        fact = f"{shown_prompt(edit)} {edit['target']} "
        yield render.line(("in the context: ", "dim"), fact, render.ident(edit["id"]))
    for sentence in found.get("heard", ()):
        yield render.line(("asked for by:   ", "dim"), f"{sentence['text']} ", render.ident(sentence["edit"]))
    if found["meant"]:
        yield render.line(("means most:     ", "dim"), "edit ", render.ident(found["meant"]))
    if "without" in found:
        yield from _without(found["without"])
    if found["memories"]:
        yield render.line()
        routers = tuple(dict.fromkeys(router for memory in found["memories"] for router in memory["scores"]))
        rows = [
            (
                "*" if memory["id"] == found["memory"] else "",
                render.ident(memory["id"]),
                *(f"{memory['scores'][router]:.4g}" if router in memory["scores"] else "" for router in routers),
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
                shown_prompt(item["edit"]),
                (item["edit"]["target"], "bold"),
            )
            for item in found["nearest"]
        ]
        yield render.table("score", "edit", "prompt", "target", rows=nearest, numbers=("score",))


def _without(found: Mapping[str, Any]) -> render.Lines:
    for name in ("named", "other"):
        if (off := found[name]) is not None:
            whole = ", its whole memory" if off["whole_memory"] else ""
            yield render.line(
                ("without edit:   ", "dim"), render.ident(off["edit"]), f"{whole}: ", (off["answer"], "bold")
            )


def _route_name(found: Mapping[str, Any]) -> str:
    if not found["routed"]:
        return "the base model: no memory reaches its threshold"
    return f"memory {found['memory'][: render.SHORT]}" if found["memory"] else "the merged memory"
