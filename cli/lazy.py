"""A click group whose commands are imported when they are named."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from .commands import Home
from .failures import Interrupted


class LazyGroup(click.Group):
    """A group that knows its commands by name and home.

    Args:
        sections: title → command name → home, in the order of ``--help``.
    """

    def __init__(self, *args: Any, sections: Mapping[str, Mapping[str, Home]], **kw: Any):
        super().__init__(*args, **kw)
        self.sections = sections
        self.homes = {name: home for homes in sections.values() for name, home in homes.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the sections."""
        return list(self.homes)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module and return it, or ``None`` where there is no such command."""
        home = self.homes.get(cmd_name)
        if home is None:
            return None
        module, _, attribute = home.place.partition(":")
        command = getattr(import_module(f".{module}", __package__), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest names in the error."""
        name = args[0]
        if self.get_command(ctx, name) is None and not ctx.resilient_parsing and not name.startswith("-"):
            near = get_close_matches(name, self.list_commands(ctx), n=3)
            advice = f"; did you mean {' or '.join(near)}?" if near else ""
            raise click.UsageError(f"there is no command '{name}'{advice}", ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands under their sections, each with its summary; none is imported."""
        for title, homes in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(name, home.summary) for name, home in homes.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """As click does, but Ctrl-C prints no empty line of click's own: stderr may have to be one JSON document."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise Interrupted from error
