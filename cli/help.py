"""``wisedb help``: a command's page."""

from __future__ import annotations

import click

from .options import command
from .session import Session


@command("wisedb help commit", "wisedb help remote add", name="help")
@click.argument("words", metavar="[COMMAND]...", nargs=-1)
@click.pass_context
def help_(ctx: click.Context, session: Session, words: tuple[str, ...]) -> None:
    """Show what a command does and takes; without one, list all."""
    context = ctx.find_root()
    for word in words:
        group = context.command
        found = group.get_command(context, word) if isinstance(group, click.Group) else None
        if found is None:
            raise click.UsageError(f"there is no command '{' '.join(words)}'", ctx=context)
        context = click.Context(found, info_name=word, parent=context)
    page = context.command.get_help(context)
    session.browse({"command": context.command_path, "help": page}, lambda told: str(told["help"]).splitlines())
