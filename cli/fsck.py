"""``wisedb fsck``: check everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from . import render
from .options import base_option, command
from .session import Session


@command("wisedb fsck", "wisedb fsck --model", "wisedb fsck --json")
@click.option("--model", is_flag=True, help="Ask the model at HEAD too whether it still computes the same, here.")
@base_option()
def fsck(session: Session, model: bool) -> None:
    """Check every object, every ref and the index.

    Exits with 1 when something is wrong. Nothing is changed. With --model the base model is loaded, compared with the
    one of the store, and asked a few prompts whose answers the commit at HEAD kept.
    """
    repository = session.repository()
    with session.progress():
        found = repository.fsck().to_json()
        check = repository.check_model() if model else None
    if check is not None:
        found["model"] = check.to_json()
        if check.problem is not None:
            found["ok"] = False
            found["problems"] = [*found["problems"], {"kind": "model", "object": check.commit, "detail": check.problem}]
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
    if (asked := found.get("model")) is not None:
        told = {None: "kept nothing to compare", True: "answers as it did", False: "answers otherwise"}[asked["same"]]
        yield render.line(f"The model at {asked['commit'][: render.SHORT]} {told}")
    verdict = (render.plural(len(found["problems"]), "problem"), "red") if not found["ok"] else ("all is well", "green")
    yield render.line(f"{render.plural(count, 'object')} checked: ", verdict)
