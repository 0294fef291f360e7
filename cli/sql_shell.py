"""The shell of ``wisedb sql``: query after query, each up to its ``;``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, TextIO

import click

from wisedb.errors import WisedbError

from . import render

if TYPE_CHECKING:
    from wisedb.versioning.index import Table

FORMATS: Final = ("table", "csv", "json")

_PROMPT, _MORE = "sql> ", "...> "
_HELP: Final = (
    "A query ends with ;   .tables   .schema TABLE   .format table|csv|json   .quit\n"
    "The tab key completes names and words."
)
_WORDS: Final = (
    *("SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "HAVING", "LIMIT", "JOIN", "LEFT JOIN", "USING", "ON", "AS"),
    *("AND", "OR", "NOT", "IN", "LIKE", "ILIKE", "IS NULL", "BETWEEN", "DISTINCT", "WITH", "CASE", "WHEN", "count(*)"),
    *("min", "max", "sum", "avg", "unnest", "len", "DESCRIBE", "SHOW TABLES", "DESC"),
)


class Shell:
    """Asks and answers until it ends. A query that fails says why, and the next one is asked.

    Args:
        ask: answers a query.
        show: prints an answer in a format.
        format: the first format.
    """

    def __init__(self, ask: Callable[[str], Table], show: Callable[[Table, str], None], format: str) -> None:
        self._ask = ask
        self._show = show
        self._format = format
        self._names: list[str] | None = None

    def run(self, stream: TextIO) -> None:
        """Read from a terminal with completion, or from whatever else with neither prompt nor mercy.

        Raises:
            WisedbError: a query that doesn't come from a terminal is wrong; those before it were answered.
        """
        if not stream.isatty():
            for query in _queries(iter(stream)):
                self._show(self._ask(query), self._format)
            return
        click.echo(render.clean(_HELP), err=True)
        with _completion(self.complete):
            self._talk(lambda prompt: input(prompt))

    def _talk(self, read: Callable[[str], str]) -> None:
        lines: list[str] = []
        while True:
            try:
                line = read(_MORE if lines else _PROMPT)
            except EOFError:
                click.echo(err=True)
                return
            except KeyboardInterrupt:
                lines.clear()
                click.echo(err=True)
                continue
            if not lines and line.strip().startswith("."):
                if self._order(line.split()):
                    return
                continue
            lines.append(line)
            *whole, rest = _split("\n".join(lines))
            lines = [rest] if rest.strip() else []
            for query in whole:
                self._answer(query)

    def _answer(self, query: str) -> None:
        try:
            self._show(self._ask(query), self._format)
        except WisedbError as error:
            click.echo(f"error: {error.message}", err=True)
            if error.hint:
                click.echo(f"hint: {error.hint}", err=True)

    def _order(self, words: list[str]) -> bool:
        """Do what begins with a dot; whether that ends the shell."""
        match words:
            case [".quit" | ".exit"]:
                return True
            case [".tables"]:
                self._answer("SHOW TABLES")
            case [".schema", name]:
                quoted = name.replace('"', '""')
                self._answer(f'DESCRIBE "{quoted}"')
            case [".format", name] if name in FORMATS:
                self._format = name
            case _:
                click.echo(_HELP, err=True)
        return False

    def complete(self, text: str) -> list[str]:
        """The words and names that begin so, whatever their case."""
        if self._names is None:
            self._names = list(self._read_names())
        wanted = text.casefold()
        return sorted({name for name in (*self._names, *_WORDS) if name.casefold().startswith(wanted)})

    def _read_names(self) -> Iterator[str]:
        try:
            for table, *_ in self._ask("SHOW TABLES").rows:
                yield str(table)
                yield from (str(column) for column, *_ in self._ask(f"DESCRIBE {table}").rows)
        except WisedbError:
            return  # a store that can't be read says so at the first query


class _completion:
    """Gives the terminal's line editor a way to complete, for a ``with`` block; does nothing where there is none."""

    def __init__(self, complete: Callable[[str], list[str]]) -> None:
        self._complete = complete

    def __enter__(self) -> None:
        try:
            import readline
        except ImportError:
            return
        readline.set_completer_delims(" \t\n,()=<>!+-*/;\"'")
        # libedit, which is macOS's, has a language of its own.
        bind = "bind ^I rl_complete" if "libedit" in (readline.__doc__ or "") else "tab: complete"
        readline.parse_and_bind(bind)
        readline.set_completer(lambda text, state: dict(enumerate(self._complete(text))).get(state))

    def __exit__(self, *error: object) -> None:
        try:
            import readline
        except ImportError:
            return
        readline.set_completer(None)


def _queries(lines: Iterator[str]) -> Iterator[str]:
    rest = ""
    for line in lines:
        *whole, rest = _split(rest + line)
        yield from whole
    if rest.strip():
        yield rest


def _split(text: str) -> list[str]:
    """The queries of a text, each without its ``;``, and what comes behind the last one."""
    found, start, place = [], 0, 0
    closing: str | None = None
    while place < len(text):
        if closing is not None:
            if text.startswith(closing, place):
                place += len(closing) - 1
                closing = None
        elif text[place] in "'\"":
            closing = text[place]
        elif text.startswith("--", place):
            closing = "\n"
        elif text.startswith("/*", place):
            closing, place = "*/", place + 1
        elif text[place] == ";":
            if text[start:place].strip():
                found.append(text[start:place])
            start = place + 1
        place += 1
    return [*found, text[start:]]
