"""``wisedb clone``: a store out of what somebody published."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from . import render
from .options import command
from .session import Session
from .transfer import ENDPOINT, amount


@command(
    "wisedb clone ada/geography",
    "wisedb clone ada/geography mine --lazy",
    "wisedb clone ./pack mine --model ~/models/llama",
)
@click.argument("source", metavar="ADDRESS")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("-b", "--branch", metavar="BRANCH", help="Put HEAD on this branch; main by default.")
@click.option("--lazy", is_flag=True, help="Leave large memories there until a commit that needs them is loaded.")
@click.option(
    "--model",
    metavar="PATH",
    help="Where the base model is on this machine (its folder, or a GGUF file), if not where the pack says.",
)
@ENDPOINT
def clone(
    session: Session,
    source: str,
    folder: Path | None,
    branch: str | None,
    lazy: bool,
    model: str | None,
    endpoint: str | None,
) -> None:
    """Make a store from what somebody published.

    ADDRESS is org/name on the Hub, a folder, or s3://bucket/x; it is called origin in the new store. DIR is new or
    empty, and named after the pack by default.
    """
    from wisedb.sharing.clone import clone as run
    from wisedb.sharing.url import parse_address

    address = parse_address(source)
    target = session.start / (folder if folder is not None else address.name)
    with session.progress() as progress:
        made = run(address.url, target, branch=branch, lazy=lazy, model=model, endpoint=endpoint, progress=progress)
    session.tell(made.to_json(), cloned)


def cloned(made: Mapping[str, Any]) -> render.Lines:
    """What a clone is."""
    yield render.line("Cloned into ", (made["path"], "green"), f": {amount(made, 'received')}")
    yield render.line("On branch ", (made["branch"], "green"), " at ", render.ident(made["head"]))
