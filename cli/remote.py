"""``wisedb remote``: names for the places that one shares edits with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from wisedb.errors import UnknownRemote

from . import render
from .complete import complete_remote
from .options import command
from .session import Session


class _Remote(click.Group):
    """A group that lists where no command is named, as git's does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read options without a command as those of ``list``."""
        if not {"-h", "--help"} & set(args) and all(word.startswith("-") for word in args):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(
    cls=_Remote,
    epilog="\b\nExamples:\n  wisedb remote -v\n  wisedb remote add origin ada/geography\n"
    "  wisedb remote set-url origin ada/atlas",
)
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


@command("wisedb remote set-url origin ada/atlas", name="set-url")
@click.argument("name", shell_complete=complete_remote)
@click.argument("address")
def set_url(session: Session, name: str, address: str) -> None:
    """Give a name another place.

    Where the branches of the old place were is remembered until the next fetch.
    """
    remotes = session.repository().remote_set_url(name, address)
    session.tell(_told(name, remotes[name], remotes), lambda told: [render.line((name, "green"), f" is {told['url']}")])


@command("wisedb remote get-url origin", name="get-url")
@click.argument("name", shell_complete=complete_remote)
def get_url(session: Session, name: str) -> None:
    """Print the place that a name stands for."""
    remotes = session.repository().remotes()
    if name not in remotes:
        raise UnknownRemote(f"there is no remote '{name}'", hint=f"There are: {', '.join(remotes) or 'none'}.")
    session.show({"remote": name, "url": remotes[name]}, lambda told: [render.line(told["url"])])


@command("wisedb remote rename origin upstream", name="rename")
@click.argument("old", shell_complete=complete_remote)
@click.argument("new")
def rename(session: Session, old: str, new: str) -> None:
    """Give a place another name, and the branches that are remembered of it."""
    remotes = session.repository().remote_rename(old, new)
    session.tell(_told(new, remotes[new], remotes), lambda told: [render.line(f"{old} is called ", (new, "green"))])


@command("wisedb remote list", "wisedb remote list --json", name="list")
@click.option("-v", "--verbose", is_flag=True, help="With their places; they are shown in any case.")
def list_(session: Session, verbose: bool) -> None:
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


for each in (add, list_, set_url, get_url, rename, remove):
    remote.add_command(each)


def _told(name: str, url: str, remotes: Mapping[str, str]) -> dict[str, Any]:
    listed = [{"remote": each, "url": place} for each, place in remotes.items()]
    return {"remote": name, "url": url, "refs": [], "blobs_received": 0, "bytes": 0, "remotes": listed}


def _list(remotes: Sequence[Mapping[str, Any]]) -> render.Lines:
    if not remotes:
        yield render.line(("No remote yet: 'wisedb remote add origin ADDRESS' adds one.", "dim"))
        return
    yield render.table("name", "address", rows=[((each["remote"], "green"), each["url"]) for each in remotes])
