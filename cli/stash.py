"""``wisedb stash``: put staged edits aside, and take them up again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import click

from wisedb.shown import shown_prompt

from . import render
from .options import command
from .session import Session


class _Stash(click.Group):
    """A group that stashes where no command is named, as git's does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read options without a command as those of ``push``."""
        asks = {"-h", "--help"} & set(args)
        named = next((word for word in args if not word.startswith("-")), None)
        if not asks and named not in self.commands:
            args = ["push", *args]
        return super().parse_args(ctx, args)


@click.group(
    cls=_Stash,
    epilog="\b\nExamples:\n  wisedb stash\n  wisedb stash push -m 'not yet'\n  wisedb stash list\n  wisedb stash pop",
)
def stash() -> None:
    """Put what is staged aside, and take it up again.

    'wisedb stash' alone is 'wisedb stash push'.
    """


@command("wisedb stash push", "wisedb stash push -m 'not yet'", name="push")
@click.option("-m", "--message", metavar="MSG", default="", help="What it is.")
def push(session: Session, message: str) -> None:
    """Put all that is staged aside."""
    from wisedb.versioning.aside import put_aside

    session.tell(put_aside(session.repository().store, message).to_json(), lambda entry: _said("Put aside", entry))


def _number(ctx: click.Context, param: click.Parameter, value: str) -> int:
    found = re.fullmatch(r"(?:stash@\{)?(\d{1,6})\}?", value)
    if found is None:
        raise click.BadParameter(f"'{value}' is not a number such as 0 or stash@{{0}}")
    return int(found[1])


_WHICH = click.argument("number", metavar="[N]", default="0", callback=_number)


@command("wisedb stash pop", "wisedb stash pop 1", name="pop")
@_WHICH
def pop(session: Session, number: int) -> None:
    """Stage what was put aside, and forget it there."""
    _take_up(session, number, keep=False)


@command("wisedb stash apply", name="apply")
@_WHICH
def apply(session: Session, number: int) -> None:
    """Stage what was put aside, and keep it there."""
    _take_up(session, number, keep=True)


def _take_up(session: Session, number: int, *, keep: bool) -> None:
    from wisedb.versioning.aside import take_up

    entry = take_up(session.repository().store, number, keep=keep)
    session.tell(entry.to_json(), lambda entry: _said("Staged", entry))


@command("wisedb stash show", "wisedb stash show 1", name="show")
@_WHICH
def show(session: Session, number: int) -> None:
    """Show what was put aside."""
    entry = session.store().stash.entry(number)
    session.browse(entry.to_json(), lambda entry: render.edits(entry["edits"], "Nothing."))


@command("wisedb stash drop", name="drop")
@_WHICH
def drop(session: Session, number: int) -> None:
    """Forget what was put aside."""
    session.tell(session.store().stash.drop(number).to_json(), lambda entry: _said("Dropped", entry))


@command("wisedb stash clear", name="clear")
def clear(session: Session) -> None:
    """Forget all that was put aside."""
    session.store().stash.clear()
    session.tell([], lambda _: [render.line("Nothing is put aside any more.")])


@command("wisedb stash list", name="list")
def list_(session: Session) -> None:
    """List what was put aside, the newest first."""
    session.browse([entry.to_json() for entry in session.store().stash.read()], _list)


for each in (push, pop, apply, list_, show, drop, clear):
    stash.add_command(each)


def _said(verb: str, entry: Mapping[str, Any]) -> render.Lines:
    yield render.line(f"{verb}: {render.plural(len(entry['edits']), 'edit')}, ", (entry["message"], "bold"))
    for edit in entry["edits"][:10]:
        yield render.line("  ", render.ident(edit["id"]), f" {shown_prompt(edit)} {edit['target']}")
    if len(entry["edits"]) > 10:
        yield render.line((f"  and {len(entry['edits']) - 10} more", "dim"))


def _list(entries: Sequence[Mapping[str, Any]]) -> render.Lines:
    if not entries:
        yield render.line(("Nothing is put aside.", "dim"))
        return
    rows = [
        (f"stash@{{{number}}}", render.date(entry["date"]), str(len(entry["edits"])), entry["message"])
        for number, entry in enumerate(entries)
    ]
    yield render.table("stash", "date", "edits", "what", rows=rows, numbers=("edits",))
