"""What the commands that talk to a remote have in common: their options, and how they tell what travelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from . import render
from .complete import complete_remote

REMOTE = click.argument("remote", metavar="[REMOTE]", required=False, shell_complete=complete_remote)


ENDPOINT = click.option(
    "--endpoint",
    metavar="URL",
    help="Another Hub or S3 server than the usual one, for this once; for always: HF_ENDPOINT, AWS_ENDPOINT_URL.",
)


def moved_refs(changes: Sequence[Mapping[str, Any]]) -> render.Lines:
    """A table of the refs that moved."""
    rows = [((each["name"], "green"), render.ident(each["from"]), render.ident(each["to"])) for each in changes]
    yield render.table("ref", "from", "to", rows=rows)


def amount(done: Mapping[str, Any], direction: str) -> str:
    """How much travelled; ``direction`` is ``sent`` or ``received``."""
    commits, blobs = done[f"commits_{direction}"], done[f"blobs_{direction}"]
    return f"{render.plural(commits, 'commit')}, {render.plural(blobs, 'blob')}, {render.size(done['bytes'])}"
