"""``push``, ``pull``, ``fetch``, ``clone`` and ``ls-remote``: edits from here to there and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from wisedb.errors import NotAStore

from . import render
from .merge import conflicts
from .options import command, complete_branch, complete_remote, complete_tag, signature_options
from .session import Session

_REMOTE = click.argument("remote", metavar="[REMOTE]", required=False, shell_complete=complete_remote)
_ENDPOINT = click.option(
    "--endpoint",
    metavar="URL",
    help="Another Hub or S3 server than the usual one, for this once; for always: HF_ENDPOINT, AWS_ENDPOINT_URL.",
)


@command(
    "wisedb push",
    "wisedb push origin main --tag v1",
    "wisedb push ada/geography --private",
    "wisedb push s3://facts/geography --all",
)
@_REMOTE
@click.argument("branches", metavar="[BRANCH]...", nargs=-1, shell_complete=complete_branch)
@click.option("--tag", "tags", metavar="TAG", multiple=True, shell_complete=complete_tag, help="Push this tag as well.")
@click.option("--tags", "all_tags", is_flag=True, help="Push all tags as well.")
@click.option("--all", "all_branches", is_flag=True, help="Push all branches.")
@click.option("-d", "--delete", metavar="BRANCH", multiple=True, help="Delete this branch (or tag) there.")
@click.option("-f", "--force", is_flag=True, help="Drop commits there that aren't in what is pushed.")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would be sent.")
@click.option("--private/--public", default=None, help="Whether a repository that the Hub makes for this is private.")
@click.option("--create-pr", is_flag=True, help="Propose it as a pull request on the Hub.")
@click.option("--allow-secrets", is_flag=True, help="Publish edits that hold what looks like a key or a token.")
@_ENDPOINT
def push(
    session: Session,
    remote: str | None,
    branches: tuple[str, ...],
    tags: tuple[str, ...],
    all_tags: bool,
    all_branches: bool,
    delete: tuple[str, ...],
    force: bool,
    dry_run: bool,
    private: bool | None,
    create_pr: bool,
    allow_secrets: bool,
    endpoint: str | None,
) -> None:
    """Publish the current branch, or others.

    REMOTE is a name or an address; origin, or the only one, by default. Only what is missing there is sent, and nobody
    sees any of it before all of it is there. If somebody else pushed meanwhile, the push is refused: pull first.
    """
    with session.progress() as progress:
        done = session.repository().push(
            remote,
            branches,
            tags=tags,
            all_branches=all_branches,
            all_tags=all_tags,
            delete=delete,
            force=force,
            dry_run=dry_run,
            allow_secrets=allow_secrets,
            private=private,
            create_pr=create_pr,
            endpoint=endpoint,
            progress=progress,
        )
    session.show(done.to_json("sent"), pushed)


@command("wisedb fetch", "wisedb fetch origin --prune", "wisedb fetch ada/geography main")
@_REMOTE
@click.argument("branches", metavar="[BRANCH]...", nargs=-1)
@click.option("-p", "--prune", is_flag=True, help="Forget branches that are gone there.")
@_ENDPOINT
def fetch(session: Session, remote: str | None, branches: tuple[str, ...], prune: bool, endpoint: str | None) -> None:
    """Bring what others published, and change nothing of your own.

    Their branches are then called origin/main and so on: 'wisedb log origin/main', 'wisedb diff main origin/main'.
    """
    with session.progress() as progress:
        done = session.repository().fetch(remote, branches, prune=prune, endpoint=endpoint, progress=progress)
    session.show(done.to_json(), fetched)


@command("wisedb pull", "wisedb pull origin main", "wisedb pull --ff-only")
@_REMOTE
@click.argument("branch", metavar="[BRANCH]", required=False)
@click.option("--ff-only", is_flag=True, help="Merge nothing: only move the branch forward.")
@signature_options
@_ENDPOINT
def pull(
    session: Session,
    remote: str | None,
    branch: str | None,
    ff_only: bool,
    author: str,
    date: str | None,
    endpoint: str | None,
) -> None:
    """Bring what others published into the current branch.

    It moves forward, or where both sides have new commits they are merged. Exits with 1 while there are conflicts.
    """
    with session.progress() as progress:
        done = session.repository().pull(
            remote, branch, ff_only=ff_only, author=author, date=date, endpoint=endpoint, progress=progress
        )
    told = done.to_json()
    session.show(told, pulled)
    if told["conflicts"]:
        theirs = told["merge"]["from"][: render.SHORT]
        session.note(f"error: {render.plural(len(told['conflicts']), 'conflict')}, and the branch was not changed")
        session.note(
            f"hint: 'wisedb merge {theirs}' with --ours, --theirs or --resolve FILE decides them; then push again."
        )
        raise click.exceptions.Exit(1)


@command(
    "wisedb clone ada/geography",
    "wisedb clone ada/geography mine --lazy",
    "wisedb clone ./pack mine --model ~/models/llama",
)
@click.argument("source", metavar="ADDRESS")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("-b", "--branch", metavar="BRANCH", help="Put HEAD on this branch; main by default.")
@click.option("--lazy", is_flag=True, help="Leave large memories there until a commit that needs them is loaded.")
@click.option("--model", metavar="PATH", help="Where the base model is on this machine, if not where the pack says.")
@_ENDPOINT
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
    session.show(made.to_json(), cloned)


@command("wisedb ls-remote", "wisedb ls-remote ada/geography", name="ls-remote")
@_REMOTE
@_ENDPOINT
def ls_remote(session: Session, remote: str | None, endpoint: str | None) -> None:
    """List the branches and tags of a remote.

    Nothing is fetched. An address can be asked from anywhere, a name only in the store that knows it.
    """
    try:
        found = session.repository().ls_remote(remote, endpoint=endpoint)
    except NotAStore:
        if remote is None:
            raise
        from wisedb.sharing.lsremote import ls_address

        found = ls_address(remote, endpoint=endpoint)
    session.show([ref.to_json() for ref in found], _listed)


def pushed(done: Mapping[str, Any]) -> render.Lines:
    """What a push did or would do."""
    if not done["refs"]:
        yield render.line("Everything is up to date at ", (done["remote"], "green"), ".")
        return
    verb = "Would push" if done.get("dry_run") else "Proposed" if done.get("page") else "Pushed"
    yield render.line(f"{verb} to ", (done["remote"], "green"), f": {_amount(done, 'sent')}")
    yield from _refs(done["refs"])
    if done.get("page"):
        yield render.line("See ", (done["page"], "cyan"))


def fetched(done: Mapping[str, Any]) -> render.Lines:
    """What a fetch brought."""
    if not done["refs"] and not done["bytes"]:
        yield render.line("Nothing new at ", (done["remote"], "green"), ".")
    else:
        yield render.line("Fetched from ", (done["remote"], "green"), f": {_amount(done, 'received')}")
        yield from _refs(done["refs"])
    for tag in done["tags_kept"]:
        yield render.line((f"tag '{tag}' is another commit there; yours is kept", "yellow"))


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


def cloned(made: Mapping[str, Any]) -> render.Lines:
    """What a clone is."""
    yield render.line("Cloned into ", (made["path"], "green"), f": {_amount(made, 'received')}")
    yield render.line("On branch ", (made["branch"], "green"), " at ", render.ident(made["head"]))


def _refs(changes: Sequence[Mapping[str, Any]]) -> render.Lines:
    rows = [((each["name"], "green"), render.ident(each["from"]), render.ident(each["to"])) for each in changes]
    yield render.table("ref", "from", "to", rows=rows)


def _listed(refs: Sequence[Mapping[str, Any]]) -> render.Lines:
    if not refs:
        yield render.line(("Nothing was published there yet.", "dim"))
        return
    yield render.table("ref", "commit", rows=[((ref["name"], "green"), render.ident(ref["commit"])) for ref in refs])


def _amount(done: Mapping[str, Any], direction: str) -> str:
    commits, blobs = done[f"commits_{direction}"], done[f"blobs_{direction}"]
    return f"{render.plural(commits, 'commit')}, {render.plural(blobs, 'blob')}, {render.size(done['bytes'])}"
