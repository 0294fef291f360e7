"""``wisedb pull``: bring it into the current branch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from wisedb.store.signature import Author

from . import render
from .fetch import fetched
from .merge import conflicts
from .options import command
from .session import Session
from .signatures import late_signature_options, sign_option
from .transfer import ENDPOINT, REMOTE

if TYPE_CHECKING:
    from wisedb.signing.signer import Sign


@command("wisedb pull", "wisedb pull origin main", "wisedb pull --ff-only")
@REMOTE
@click.argument("branch", metavar="[BRANCH]", required=False)
@click.option("--ff-only", is_flag=True, help="Merge nothing: only move the branch forward.")
@late_signature_options
@sign_option
@ENDPOINT
def pull(
    session: Session,
    remote: str | None,
    branch: str | None,
    ff_only: bool,
    author: Author,
    date: str | None,
    sign: Sign | None,
    endpoint: str | None,
) -> None:
    """Bring what others published into the current branch.

    It moves forward, or where both sides have new commits they are merged. Exits with 1 while there are conflicts.
    """
    with session.progress() as progress:
        done = session.repository().pull(
            remote,
            branch,
            ff_only=ff_only,
            author=author,
            date=date,
            sign=sign,
            endpoint=endpoint,
            progress=progress,
        )
    told = done.to_json()
    session.tell(told, pulled)
    if told["conflicts"]:
        theirs = told["merge"]["from"][: render.SHORT]
        session.note(f"error: {render.plural(len(told['conflicts']), 'conflict')}, and the branch was not changed")
        session.note(
            f"hint: 'wisedb merge {theirs}' with --ours, --theirs or --resolve FILE decides them; then push again."
        )
        raise click.exceptions.Exit(1)


def pulled(done: Mapping[str, Any]) -> render.Lines:
    """What a pull did."""
    yield from fetched(done)
    branch, head = (done["branch"], "green"), render.ident(done["head"])
    if done["how"] == "up-to-date":
        yield render.line("Already up to date: ", branch, " has all that is there.")
    elif done["how"] == "fast-forward":
        yield render.line("Moved ", branch, " on to ", head, " (fast-forward)")
    elif done["conflicts"]:
        yield from conflicts(done["conflicts"])
    else:
        yield render.line("Merged into ", branch, " in ", head)
