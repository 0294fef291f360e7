"""What one call of the command line carries from command to command: where the store is, how to answer."""

from __future__ import annotations

import csv
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wisedb.errors import WisedbWarning
from wisedb.preferences import Preference, identity, is_personal, read

from . import pager, render
from .bar import listener
from .preferences import effective, global_file, of_git, of_store, trusted_owners

if TYPE_CHECKING:
    from wisedb.progress import Listener
    from wisedb.repository import Repository
    from wisedb.signing.signer import Signer
    from wisedb.signing.verdict import Trust
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
        quiet: whether only failures, and what a command was asked to show, are told (``-q``).
        verbose: whether each phase of long work is told (``-v``).
        paged: whether long listings on a terminal go through a pager.
        opened: the stores that were opened so far.
    """

    directory: Path | None = None
    debug: bool = False
    as_json: bool = False
    base: str | None = None
    quiet: bool = False
    verbose: bool = False
    paged: bool = True
    _told: bool = False
    opened: list[Store] = field(default_factory=list)

    @property
    def start(self) -> Path:
        """Where the search for the store begins."""
        return self.directory if self.directory is not None else Path.cwd()

    @cached_property
    def preferences(self) -> dict[str, Preference]:
        """The preferences that count here; see :mod:`.preferences`."""
        return effective(self._stored)

    @cached_property
    def _stored(self) -> dict[str, Preference]:
        return of_store(self.start.absolute())

    def _tell_passed_over(self) -> None:
        """Say once which preferences of the store are a person's alone, and so don't count."""
        keys = sorted(filter(is_personal, self._stored))
        if keys and not self._told:
            self._told = True
            named = ", ".join(keys)
            self.warn(f"this store's configuration says what only your own may (config --global), passed over: {named}")

    def who(self) -> str | None:
        """Who calls: ``WISEDB_AUTHOR``, or what the preferences say, or git's; ``None`` where nobody said."""
        return os.environ.get("WISEDB_AUTHOR") or self._who

    @cached_property
    def _who(self) -> str | None:
        return identity(self.preferences) or identity(of_git(self.start))

    @cached_property
    def own_preferences(self) -> dict[str, Preference]:
        """Those of the person who calls alone: what no store may say."""
        return read(global_file())

    def signer(self) -> Signer:
        """Who signs, by the preferences.

        Raises:
            UsageError: they name a format that is none.
        """
        from wisedb.signing.signer import signer_of

        return signer_of(self.preferences, self.own_preferences)

    def trust(self, signers: Path | None = None) -> Trust:
        """Whose signatures count: those that the person trusts, or a file of allowed signers."""
        from wisedb.signing.signer import trust_of

        return trust_of(self.own_preferences, signers)

    def repository(self) -> Repository:
        """The repository here or above.

        Raises:
            NotAStore: there is none.
        """
        # Imported with the first command that needs a store: `--help`, `--version` and usage errors don't.
        from wisedb.repository import Repository

        repository = Repository.open(self.start, model=self.base, owners=trusted_owners())
        self._tell_passed_over()
        repository.store.refs.who = self.who
        self.opened.append(repository.store)
        return repository

    def store(self) -> Store:
        """The same place for commands that need nothing of the facade, and so not all that it loads.

        Raises:
            NotAStore: there is none.
        """
        from wisedb.store.store import Store

        store = Store.discover(self.start, owners=trusted_owners())
        self._tell_passed_over()
        self.opened.append(store)
        return store

    def show(self, document: Any, renderer: Renderer) -> None:
        """Print the one result of a command: as JSON, or rendered for a person."""
        if self.as_json:
            click.echo(render.as_json(document))
        else:
            render.show(renderer(document))

    def tell(self, document: Any, renderer: Renderer) -> None:
        """Print what a command that changes something has done; with ``-q``, nothing that isn't JSON."""
        if self.as_json or not self.quiet:
            self.show(document, renderer)

    def browse(self, document: Any, renderer: Renderer) -> None:
        """Print what one looks through: on a terminal through a pager."""
        if self.as_json:
            self.show(document, renderer)
        else:
            self.browse_lines(renderer(document))

    def browse_lines(self, lines: render.Lines) -> None:
        """The same for lines."""
        with pager.paged(self.preferences if self.paged else None):
            render.show(lines)

    def pass_on(self, records: Sequence[str]) -> None:
        """Print the one result of a command that is asked for JSON: an array of documents that are text already."""
        sys.stdout.writelines(render.array(records))

    def write_csv(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Print the one result of a command that is asked for CSV, under the names of its columns."""
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        if sys.stdout.isatty():
            # What a program reads stays as it is; who reads it on a terminal is not to be steered.
            rows = ([render.clean_lines(str(cell)) if isinstance(cell, str) else cell for cell in row] for row in rows)
        writer.writerows(rows)

    def note(self, text: str) -> None:
        """A remark beside the result, on stderr, for people only."""
        if not self.as_json and not self.quiet:
            click.echo(render.clean(text), err=True)

    def warn(self, text: str) -> None:
        """What somebody should know although nothing failed, on stderr, with ``--json`` as a document."""
        warnings.warn(text, WisedbWarning, stacklevel=2)

    @contextmanager
    def progress(self, *, lines: bool = True) -> Iterator[Listener | None]:
        """A listener that draws a bar on a terminal and says a line now and then elsewhere; ``None`` for nobody.

        Args:
            lines: whether it says anything elsewhere; a command that tells its own steps needs none.
        """
        if self.quiet or ((self.as_json or not lines) and not sys.stderr.isatty()):
            yield None  # what a script reads from stderr is a failure, or nothing
            return
        with listener(verbose=self.verbose) as listen:
            yield listen


pass_session = click.make_pass_decorator(Session)
