"""``wisedb diff``: what two commits say differently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from wisedb.shown import shown_prompt

from . import render
from .options import base_option, command, revision
from .session import Session


@command("wisedb diff HEAD~1", "wisedb diff v1 v2 --behaviour", "wisedb diff main experiment --tensors --json")
@revision("a", metavar="A")
@revision("b", default="HEAD", metavar="B")
@click.option("--tensors", is_flag=True, help="Compare the memories too: norms and overlap, shard by shard.")
@click.option("--behaviour", is_flag=True, help="Ask the model every prompt that differs, at A and at B.")
@base_option()
def diff(session: Session, a: str, b: str, tensors: bool, behaviour: bool) -> None:
    """Show which facts differ between two commits.

    Those that were added, removed and changed on the way from A to B, which is HEAD by default.
    """
    found = session.repository().diff(a, b, tensors=tensors, behaviour=behaviour)
    session.show(found.to_json(), differences)


def differences(diff: Mapping[str, Any]) -> render.Lines:
    """The facts that differ, then tensors and answers where they were asked for."""
    yield render.line(render.ident(diff["from"]), " → ", render.ident(diff["to"]))
    if not (diff["added"] or diff["removed"] or diff["changed"]):
        yield render.line(("The same facts are in force.", "dim"))
    for edit in diff["removed"]:
        yield render.line((f"- {shown_prompt(edit)} {edit['target']}", "red"))
    for edit in diff["added"]:
        yield render.line((f"+ {shown_prompt(edit)} {edit['target']}", "green"))
    for change in diff["changed"]:
        yield render.line(
            f"~ {change['prompt']} ", (_target(change["from"]), "red"), " → ", (_target(change["to"]), "green")
        )
    if "tensors" in diff:
        yield render.line()
        yield from _tensors(diff["tensors"])
    if "behaviour" in diff:
        yield render.line()
        rows = [(item["prompt"], (item["from"], "red"), (item["to"], "green")) for item in diff["behaviour"]]
        if rows:
            yield render.table("prompt", "says at A", "says at B", rows=rows)
        else:
            yield render.line(("The model answers the same.", "dim"))


def _target(side: Any) -> str:
    return render.answer(side) if isinstance(side, Mapping) else str(side)


def _tensors(tensors: Mapping[str, Any]) -> render.Lines:
    """The norms of every memory at A and at B, and how far the memories of B share their entries."""
    if not tensors["memories"]:
        yield render.line(("Neither has a memory.", "dim"))
        return
    norms = ("entries", "norm at a", "norm at b", "change")
    rows = [
        (render.ident(item["id"]), str(item["entries"]), *(_number(item[side]) for side in ("from", "to", "change")))
        for item in tensors["memories"]
    ]
    yield render.table("memory", *norms, rows=rows, numbers=norms)
    if tensors["overlaps"]:
        yield render.line()
        shares = ("shared entries", "equal signs")
        pairs = [
            (
                render.ident(item["one"]),
                render.ident(item["other"]),
                _number(item["shared"]),
                _number(item["sign_agreement"]),
            )
            for item in tensors["overlaps"]
        ]
        yield render.table("memory", "and", *shares, rows=pairs, numbers=shares)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
