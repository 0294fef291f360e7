"""``branch``, ``tag`` and ``reflog``: the names of commits, and where they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from . import render
from .options import command, complete_branch, complete_revision, complete_tag
from .session import Session


@command(
    "wisedb branch",
    "wisedb branch --remotes",
    "wisedb branch experiment",
    "wisedb branch fix HEAD~2",
    "wisedb branch --delete experiment",
)
@click.argument("name", metavar="[NAME]", required=False, shell_complete=complete_branch)
@click.argument("rev", metavar="[REV]", default="HEAD", shell_complete=complete_revision)
@click.option("-d", "--delete", is_flag=True, help="Delete the branch; its commits stay until they are collected.")
@click.option("-r", "--remotes", is_flag=True, help="List where the branches of remotes were, as last fetched.")
def branch(session: Session, name: str | None, rev: str, delete: bool, remotes: bool) -> None:
    """List the branches, or make one.

    NAME is made at REV, HEAD by default.
    """
    if delete and name is None:
        raise click.UsageError("--delete needs the branch's name")
    repository = session.repository()
    if remotes:
        if name is not None:
            raise click.UsageError("--remotes only lists")
        found = [{"name": ref, "commit": commit} for ref, commit in repository.remote_branches().items()]
        session.show(found, lambda refs: _refs(refs, "No branch of a remote yet: 'wisedb fetch' brings them."))
        return
    if name is not None:
        repository.branch(name, rev, delete=delete)
    current = repository.status().branch
    listed = [{**ref.to_json(), "current": ref.name == current} for ref in repository.branches()]
    session.show(listed, lambda refs: _refs(refs, "No branch yet: the first commit makes one."))


@command("wisedb tag", "wisedb tag v1", "wisedb tag v1 HEAD~3", "wisedb tag --delete v1")
@click.argument("name", metavar="[NAME]", required=False, shell_complete=complete_tag)
@click.argument("rev", metavar="[REV]", default="HEAD", shell_complete=complete_revision)
@click.option("-d", "--delete", is_flag=True, help="Delete the tag.")
def tag(session: Session, name: str | None, rev: str, delete: bool) -> None:
    """List the tags, or make one.

    NAME is given to REV, HEAD by default.
    """
    if delete and name is None:
        raise click.UsageError("--delete needs the tag's name")
    repository = session.repository()
    if name is not None:
        repository.tag(name, rev, delete=delete)
    session.show([ref.to_json() for ref in repository.tags()], lambda refs: _refs(refs, "No tag yet."))


def _refs(refs: Sequence[Mapping[str, Any]], none: str) -> render.Lines:
    if not refs:
        yield render.line((none, "dim"))
        return
    if any("current" in ref for ref in refs):
        rows = [("*" if ref["current"] else "", (ref["name"], "green"), render.ident(ref["commit"])) for ref in refs]
        yield render.table("", "name", "commit", rows=rows)
    else:
        yield render.table("name", "commit", rows=[(ref["name"], render.ident(ref["commit"])) for ref in refs])


@command("wisedb reflog", "wisedb reflog main --json")
@click.argument("ref", metavar="[REF]", default="HEAD", shell_complete=complete_branch)
def reflog(session: Session, ref: str) -> None:
    """Show where HEAD or a branch was.

    Every move is listed, the newest first; @{n} names the state n moves ago.
    """
    session.show([move.to_json() for move in session.repository().reflog(ref)], _reflog)


def _reflog(moves: Sequence[Mapping[str, Any]]) -> render.Lines:
    if not moves:
        yield render.line(("Nothing has moved yet.", "dim"))
        return
    rows = [
        (
            f"@{{{number}}}",
            render.ident(move["to"]),
            render.ident(move["from"]),
            render.date(move["date"]),
            move["action"],
        )
        for number, move in enumerate(moves)
    ]
    yield render.table("rev", "to", "from", "date", "action", rows=rows)
