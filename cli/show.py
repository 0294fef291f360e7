"""``show``: one commit in full, or one edit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from wisedb.errors import UnknownEdit, UnknownRevision
from wisedb.shown import shown_prompt

from . import render
from .complete import complete_revision
from .options import command
from .session import Session

if TYPE_CHECKING:
    pass

from .log import heading, life_lines


@command("wisedb show HEAD", "wisedb show 1f3a", "wisedb show v1 --json")
@click.argument("rev", metavar="[REV|EDIT]", default="HEAD", shell_complete=complete_revision)
def show(session: Session, rev: str) -> None:
    """Show one commit in full, or one edit.

    Of a commit: its edits, its memories, the editor's settings and the base model. Of an edit (4 or more digits of its
    id): all of its fields and its fact's life.
    """
    repository = session.repository()
    try:
        found = repository.show(rev)
    except UnknownRevision as error:
        try:
            shown = repository.show_edit(rev)
        except UnknownEdit:
            raise error from None
        session.browse(shown.to_json(), _shown_edit)
        return
    session.browse(found.to_json(), _show)


def _shown_edit(shown: Mapping[str, Any]) -> render.Lines:
    edit = shown["edit"]
    yield render.line("edit ", (edit["id"], "yellow"))
    yield render.line(shown_prompt(edit), " ", (edit["target"], "bold"))
    for name in ("subject", "ground_truth", "reason", "source"):
        if edit[name]:
            yield render.line((f"{name.replace('_', ' '):<13}", "dim"), edit[name])
    for name in ("rephrases", "tags"):
        for text in edit[name]:
            yield render.line((f"{name.removesuffix('s'):<13}", "dim"), text)
    for item in edit["locality"]:
        yield render.line((f"{'unrelated':<13}", "dim"), item["prompt"])
    state = "staged" if shown["staged"] else "in force" if shown["in_force"] else "not in force"
    yield render.line((f"{'now':<13}", "dim"), state)
    if shown["life"]:
        yield render.line()
        yield from life_lines(shown["life"])


def _show(details: Mapping[str, Any]) -> render.Lines:
    yield from heading(details)
    yield render.line()
    yield from render.edits(details["edits"], "No edit came into force.")
    if details["reverted"]:
        yield render.line()
        yield render.line("Out of force: ", " ".join(edit[: render.SHORT] for edit in details["reverted"]))
    if details["memories"]:
        yield render.line()
        rows = [
            (
                render.ident(memory["id"]),
                memory["kind"],
                render.ident(memory["blob"]),
                str(len(memory["edits"])),
                render.size(memory["bytes"]),
                "–" if memory["threshold"] is None else f"{memory['threshold']:.4g}",
            )
            for memory in details["memories"]
        ]
        yield render.table(
            "memory", "kind", "blob", "edits", "size", "threshold", rows=rows, numbers=("edits", "size", "threshold")
        )
    yield render.line()
    config, base = details["config"], details["base"]
    settings = " ".join(f"{name}={value}" for name, value in sorted(config["settings"].items()))
    yield render.line(
        ("editor ", "dim"), f"{config['name']}, seed {config['seed']}", f" {settings}" if settings else ""
    )
    file = f"/{base['gguf_file']}, dequantised," if "gguf_file" in base else ""
    yield render.line(("base   ", "dim"), f"{base['model']}{file} at {base['target']} ({base['fingerprint']})")
