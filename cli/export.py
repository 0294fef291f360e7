"""``wisedb export``: a model at a commit, as files that need no store."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from . import render
from .options import base_option, command, revision
from .session import Session


@command(
    "wisedb export HEAD ./edited --format merged",
    "wisedb export v1 ./adapter --format adapter",
    "wisedb export v1 ./adapter --format peft --mode merge",
)
@revision()
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--format",
    "layout",
    type=click.Choice(["merged", "adapter", "peft"]),
    required=True,
    help="A plain checkpoint with the merged memory; the memories for their base model, for wisedb.load; or the same "
    "as a PEFT adapter, for peft and transformers.",
)
@click.option(
    "--mode",
    type=click.Choice(["retrieve", "merge"]),
    help="What an adapter holds: every memory, of which one answers (the default), or one merged of all.",
)
@click.option(
    "--force", is_flag=True, help="Write a merged checkpoint that continues under .9 of unrelated prompts as before."
)
@base_option()
def export(session: Session, rev: str, directory: Path, layout: str, mode: str | None, force: bool) -> None:
    """Write the model at REV to a folder.

    What is written needs no store. In a merged checkpoint the change is always on: how well it says the edits, and how
    many unrelated prompts it continues as the base model does, is measured first, told, and written into its README.
    """
    repository = session.repository()
    with session.progress() as progress:
        made = repository.export(rev, directory, layout, mode, progress, force=force)
    session.tell(made.to_json(), _lines)


def _lines(made: Mapping[str, Any]) -> render.Lines:
    files = made["files"]
    count = len(files) if isinstance(files, list) else int(files)
    yield render.line(
        (made["path"], "bold"), f": {made['format']}, {render.plural(count, 'file')}, {render.size(made['bytes'])}"
    )
    if made["format"] == "merged":
        yield render.line(
            f"reliability {render.figure(made['reliability'])};"
            f" {render.figure(made['agreement'])} of unrelated prompts are continued as by the base model"
        )
