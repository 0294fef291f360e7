"""``wisedb eval``: the figures of a commit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from . import render
from .options import command, mode_option, revision
from .session import Session


@command("wisedb eval", "wisedb eval v1 --mode merge", "wisedb eval --data zsre.json --limit 100 --json", name="eval")
@revision(default="HEAD")
@click.option(
    "--data",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Measure over the edits of this file; by default over those in force.",
)
@mode_option()
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Measure the first N edits only.")
def evaluate(session: Session, rev: str, data: Path | None, mode: str, limit: int | None) -> None:
    """Measure how well a commit answers.

    Reliability, generalization, locality, exact match and the router, at REV, HEAD by default. The
    unedited model is measured beside it. The figures are kept, and 'wisedb log' shows them.
    """
    with session.progress() as progress:
        found = session.repository().evaluate(rev, data=data, mode=mode, limit=limit, progress=progress)
    session.show(found.to_json(), _lines)


def _lines(found: Mapping[str, Any]) -> render.Lines:
    yield render.line(
        "commit ",
        render.ident(found["commit"]),
        f", {found['mode']}, {render.plural(found['n'], 'edit')}, {render.seconds(found['seconds'])}",
    )
    yield render.line()
    base, oracle = found["base"], found["oracle"]
    titles = ("rel.", "gen.", "loc.", "exact", "exact reph.")
    columns = ("reliability", "generalization", "locality", "exact_match", "exact_match_rephrase")
    # The unedited model agrees with itself by definition; a dash is what was not measured.
    rows = [
        ("unedited model", *_figures({"locality": 1.0, **base}, columns)),
        ("this commit", *_figures(found, columns)),
        ("told the right memory", *_figures(oracle, columns)),
    ]
    yield render.table("model", *titles, rows=rows, numbers=titles)
    yield render.line()
    router = found["router"]
    yield render.line(
        f"router: {render.figure(router['recall_at_1'])} of the edits and"
        f" {render.figure(router['recall_at_1_rephrase'])} of their rephrases reach their own memory,"
        f" {render.figure(router['false_fire'])} of the unrelated prompts reach any"
    )
    yield render.line(("loc. is agreement with the unedited model, not accuracy on the locality answer", "dim"))


def _figures(values: Mapping[str, Any], columns: tuple[str, ...]) -> list[str]:
    return [render.figure(values.get(column)) for column in columns]
