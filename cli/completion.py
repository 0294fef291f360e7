"""``wisedb completion``: what a shell needs to complete commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from .options import command
from .session import Session


@command(
    'eval "$(wisedb completion bash)"',
    'eval "$(wisedb completion zsh)"',
    "wisedb completion fish > ~/.config/fish/completions/wisedb.fish",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, session: Session, shell: str) -> None:
    """Print a script that completes commands in a shell.

    Also options, branches, tags, remotes, editors and their settings.
    """
    kind = get_completion_class(shell)
    assert kind is not None
    made = kind(ctx.find_root().command, {}, "wisedb", "_WISEDB_COMPLETE")
    # Not click's own `source`, which first runs bash to ask for its version: the shell that reads this is another one.
    script = made.source_template % made.source_vars()
    session.show({"shell": shell, "script": script}, lambda told: str(told["script"]).splitlines())
