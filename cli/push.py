"""``wisedb push``: publish branches and tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from . import render
from .complete import complete_branch, complete_tag
from .options import command
from .session import Session
from .transfer import ENDPOINT, REMOTE, amount, moved_refs


@command(
    "wisedb push",
    "wisedb push origin main --tag v1",
    "wisedb push ada/geography --private",
    "wisedb push s3://facts/geography --all",
)
@REMOTE
@click.argument("branches", metavar="[BRANCH]...", nargs=-1, shell_complete=complete_branch)
@click.option("--tag", "tags", metavar="TAG", multiple=True, shell_complete=complete_tag, help="Push this tag as well.")
@click.option("--tags", "all_tags", is_flag=True, help="Push all tags as well.")
@click.option("--all", "all_branches", is_flag=True, help="Push all branches.")
@click.option("-d", "--delete", metavar="BRANCH", multiple=True, help="Delete this branch (or tag) there.")
@click.option("-f", "--force", is_flag=True, help="Drop commits there that aren't in what is pushed.")
@click.option(
    "--force-with-lease",
    "leases",
    metavar="[BRANCH[:COMMIT]]",
    is_flag=False,
    flag_value="",
    multiple=True,
    help="The same, but only if the branch there is where it was when it was last looked at, or at COMMIT.",
)
@click.option("-u", "--set-upstream", is_flag=True, help="Let the branch go with the one there from now on.")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would be sent.")
@click.option("--private/--public", default=None, help="Whether a repository that the Hub makes for this is private.")
@click.option("--create-pr", is_flag=True, help="Propose it as a pull request on the Hub.")
@click.option("--allow-secrets", is_flag=True, help="Publish edits that hold what looks like a key or a token.")
@click.option(
    "--require-signed", is_flag=True, help="Refuse commits and annotated tags without a signature that you trust."
)
@ENDPOINT
def push(
    session: Session,
    remote: str | None,
    branches: tuple[str, ...],
    tags: tuple[str, ...],
    all_tags: bool,
    all_branches: bool,
    delete: tuple[str, ...],
    force: bool,
    leases: tuple[str, ...],
    set_upstream: bool,
    dry_run: bool,
    private: bool | None,
    create_pr: bool,
    allow_secrets: bool,
    require_signed: bool,
    endpoint: str | None,
) -> None:
    """Publish the current branch, or others.

    REMOTE is a name or an address; origin, or the only one, by default. Only what is missing there is sent, and nobody
    sees any of it before all of it is there. If somebody else pushed meanwhile, the push is refused: pull first.
    """
    repository = session.repository()
    lease = {
        branch: repository.store.resolve(commit) if commit else None
        for branch, colon, commit in (text.partition(":") for text in leases)
        if colon
    }
    with session.progress() as progress:
        done = repository.push(
            remote,
            branches,
            tags=tags,
            all_branches=all_branches,
            all_tags=all_tags,
            delete=delete,
            force=force,
            lease=lease if leases else None,
            set_upstream=set_upstream,
            dry_run=dry_run,
            allow_secrets=allow_secrets,
            private=private,
            create_pr=create_pr,
            signed=session.trust() if require_signed else None,
            endpoint=endpoint,
            progress=progress,
        )
    session.tell(done.to_json("sent"), pushed)


def pushed(done: Mapping[str, Any]) -> render.Lines:
    """What a push did or would do."""
    if not done["refs"]:
        yield render.line("Everything is up to date at ", (done["remote"], "green"), ".")
        return
    verb = "Would push" if done.get("dry_run") else "Proposed" if done.get("page") else "Pushed"
    yield render.line(f"{verb} to ", (done["remote"], "green"), f": {amount(done, 'sent')}")
    yield from moved_refs(done["refs"])
    if done.get("page"):
        yield render.line("See ", (done["page"], "cyan"))
