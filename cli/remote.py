"""``wisedb remote``: names for the places that one shares edits with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from . import render
from .options import command, complete_remote
from .session import Session


@click.group(epilog="\b\nExamples:\n  wisedb remote add origin ada/geography\n  wisedb remote list")
def remote() -> None:
    """Name the places to push to and pull from.

    A place is a repository on the Hugging Face Hub (org/name), a folder, or an object store (s3://bucket/x).
    """


@command("wisedb remote add origin ada/geography", "wisedb remote add backup ./pack", name="add")
@click.argument("name")
@click.argument("address")
def add(session: Session, name: str, address: str) -> None:
    """Give the place at ADDRESS a name.

    The first one is best called origin: it is meant where no other is named. Nothing is read or written there.
    """
    remotes = session.repository().remote_add(name, address)
    session.tell(_told(name, remotes[name], remotes), lambda told: [render.line((name, "green"), f" is {told['url']}")])


@command("wisedb remote list", "wisedb remote list --json", name="list")
def list_(session: Session) -> None:
    """List the names and their places."""
    remotes = session.repository().remotes()
    session.show([{"remote": name, "url": url} for name, url in remotes.items()], _list)


@command("wisedb remote remove backup", name="remove")
@click.argument("name", shell_complete=complete_remote)
def remove(session: Session, name: str) -> None:
    """Forget a name, and where the branches of that place were.

    The place itself is left alone.
    """
    repository = session.repository()
    url = repository.remotes().get(name, "")
    remotes = repository.remote_remove(name)
    session.tell(_told(name, url, remotes), lambda told: [render.line((name, "green"), " is forgotten")])


for each in (add, list_, remove):
    remote.add_command(each)


def _told(name: str, url: str, remotes: Mapping[str, str]) -> dict[str, Any]:
    listed = [{"remote": each, "url": place} for each, place in remotes.items()]
    return {"remote": name, "url": url, "refs": [], "blobs_received": 0, "bytes": 0, "remotes": listed}


def _list(remotes: Sequence[Mapping[str, Any]]) -> render.Lines:
    if not remotes:
        yield render.line(("No remote yet: 'wisedb remote add origin ADDRESS' adds one.", "dim"))
        return
    yield render.table("name", "address", rows=[((each["remote"], "green"), each["url"]) for each in remotes])
