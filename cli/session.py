"""What one call of the command line carries from command to command: where the store is, how to answer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import render
from .bar import listener

if TYPE_CHECKING:
    from wisedb.progress import Listener
    from wisedb.repository import Repository
    from wisedb.store.store import Store

Renderer = Callable[[Any], render.Lines]
"""Turns a command's JSON document into what a person reads."""


@dataclass
class Session:
    """The state of one call.

    Attributes:
        directory: where the search for the store begins (``-C`` or ``WISEDB_DIR``), ``None`` for the working directory.
        debug: whether tracebacks and other libraries' warnings are shown.
        as_json: whether the command was given ``--json``.
        base: where the base model is (``--base`` or ``WISEDB_BASE``), ``None`` for where the store says.
    """

    directory: Path | None = None
    debug: bool = False
    as_json: bool = False
    base: str | None = None

    @property
    def start(self) -> Path:
        """Where the search for the store begins."""
        return self.directory if self.directory is not None else Path.cwd()

    def repository(self) -> Repository:
        """The repository here or above.

        Raises:
            NotAStore: there is none.
        """
        # Imported with the first command that needs a store: `--help`, `--version` and usage errors don't.
        from wisedb.repository import Repository

        return Repository.open(self.start, model=self.base)

    def store(self) -> Store:
        """The same place for commands that need nothing of the facade, and so not all that it loads.

        Raises:
            NotAStore: there is none.
        """
        from wisedb.store.store import Store

        return Store.discover(self.start)

    def show(self, document: Any, renderer: Renderer) -> None:
        """Print the one result of a command: as JSON, or rendered for a person."""
        if self.as_json:
            click.echo(render.as_json(document))
        else:
            render.show(renderer(document))

    def pass_on(self, records: Sequence[str]) -> None:
        """Print the one result of a command that is asked for JSON: an array of documents that are text already."""
        sys.stdout.writelines(render.array(records))

    def note(self, text: str) -> None:
        """A remark beside the result, on stderr, for people only."""
        if not self.as_json:
            click.echo(render.clean(text), err=True)

    @contextmanager
    def progress(self) -> Iterator[Listener | None]:
        """A listener that draws a bar on stderr, or ``None`` where nobody watches."""
        with listener() as listen:
            yield listen


pass_session = click.make_pass_decorator(Session)
