"""``wisedb report``: everything about a commit, for somebody who checks it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from . import render
from .options import base_option, command, revision
from .session import Session


@command(
    "wisedb report -o report.html",
    "wisedb report v1 -o report.html --ask --ai-act",
    "wisedb report -o facts.csv",
    "wisedb report --format json -o report.json",
)
@revision(default="HEAD")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write; its ending says the format where --format doesn't.",
)
@click.option("--format", type=click.Choice(["html", "md", "json", "csv", "parquet"]), help="What to write.")
@click.option(
    "--ask",
    is_flag=True,
    help="Let the model answer every fact's prompt, unedited and at REV. Loads it, and takes long.",
)
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="With --ask: only the newest N facts.")
@click.option("--ai-act", is_flag=True, help="Begin with what the EU AI Act asks of a log, and what of it is missing.")
@base_option()
def report(
    session: Session, rev: str, output: Path, format: str | None, ask: bool, limit: int | None, ai_act: bool
) -> None:
    """Write a report of REV for somebody who checks it.

    A page holds everything: base model, facts in force with who, when, why and from where, what was taken out of
    force, the commits, scores, and whether the store is intact. It needs no network and no other file. CSV and Parquet
    hold the facts alone. Exits with 1, the report written, when the store is not intact.
    """
    if limit is not None and not ask:
        raise click.UsageError("--limit says how many facts to --ask about")
    with session.progress() as progress:
        made = session.repository().report(
            output,
            rev,
            format=format,
            ask=ask,
            limit=limit,
            ai_act=ai_act,
            trust=session.trust(),
            progress=progress,
        )
    session.tell(made.to_json(), _lines)
    if not made.ok:
        session.warn("the store is not intact, as the report says; `wisedb fsck` tells more")
        raise click.exceptions.Exit(1)


def _lines(made: Mapping[str, Any]) -> render.Lines:
    asked = "" if made["asked"] is None else f", the model asked about {made['asked']}"
    yield render.line(
        (made["path"], "bold"),
        f": {made['format']}, {render.plural(made['facts'], 'fact')}{asked}, {render.size(made['bytes'])}",
    )
