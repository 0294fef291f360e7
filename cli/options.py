"""What several commands share: the decorator that makes them alike, arguments and value types."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from wisedb.config import Setting, read_setting
from wisedb.errors import UsageError
from wisedb.store.dates import when

from .complete import complete_revision, complete_setting
from .session import Session, pass_session

_COUNT: Final = re.compile(r"-\d+")


Callback = TypeVar("Callback", bound=Callable[..., Any])


Decorator = Callable[[Callback], Callback]


def command(
    *examples: str,
    name: str | None = None,
    json_help: str = "Print exactly one JSON document to stdout.",
    cls: type[click.Command] | None = None,
    settings: dict[str, Any] | None = None,
) -> Callable[[Callable[..., None]], click.Command]:
    """Make a function ``(session, …)`` a command that takes ``--json`` and shows ``examples`` in its help.

    ``-q`` and ``-v`` mean the same behind a command as before it, where it has no such options of its own.
    """

    def decorate(function: Callable[..., None]) -> click.Command:
        epilog = "\b\n" + "\n".join(["Example:" if len(examples) == 1 else "Examples:", *(f"  {e}" for e in examples)])
        made = click.command(name=name, epilog=epilog, cls=cls or Command, context_settings=settings)(
            pass_session(function)
        )
        taken = {spelling for parameter in made.params for spelling in parameter.opts}
        for long, short in (("--quiet", "-q"), ("--verbose", "-v")):
            if not {long, short} & taken:
                made.params.append(_flag(long, short))
        made.params.append(
            click.Option(
                ["--json"],
                is_flag=True,
                expose_value=False,
                callback=_remember_json,
                help=json_help,
            )
        )
        return made

    return decorate


class Command(click.Command):
    """A command whose options may have defaults among the preferences."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """As click does, with this command's defaults under the names that click has for its options."""
        tables = parent.default_map if parent is not None else None
        given = (tables or {}).get(info_name or "", {})
        names = {
            spelling.removeprefix("--"): option.name
            for option in self.params
            if isinstance(option, click.Option)
            for spelling in option.opts
        }
        defaults = {str(names[option]): value for option, value in given.items() if names.get(option)}
        return super().make_context(info_name, args, parent, default_map=defaults, **extra)


class Historic(Command):
    """A command that is asked as git's are: ``-3`` for ``-n 3``, and what comes behind ``--`` are subjects."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Spell both as click has options for them: ``--number`` and ``--about``."""
        place = args.index("--") if "--" in args else len(args)
        before, subjects = args[:place], args[place + 1 :]
        options = {spelling for parameter in self.params for spelling in parameter.opts}
        if "--number" in options:
            before = [f"--number={word[1:]}" if _COUNT.fullmatch(word) else word for word in before]
        return super().parse_args(ctx, [*before, *(f"--about={subject}" for subject in subjects)])


def about_option() -> Decorator[Any]:
    """``--about SUBJECT``, which is what stands behind ``--``."""
    return click.option(
        "--about",
        "subjects",
        metavar="SUBJECT",
        multiple=True,
        help="Only what concerns this thing: facts with this subject, or whose prompt names it. As well: -- SUBJECT.",
    )


def _flag(long: str, short: str) -> click.Option:
    return click.Option([short, long], is_flag=True, expose_value=False, hidden=True, callback=_remember_flag)


def _remember_flag(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    session = ctx.find_object(Session)
    if session is not None and value:
        setattr(session, str(param.name), True)


def _remember_json(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    session = ctx.find_object(Session)
    if session is not None:
        session.as_json = value


def base_option() -> Decorator[Any]:
    """``--base PATH`` behind the command's name, as before it; for commands that need the model."""
    return click.option(
        "--base",
        metavar="PATH",
        expose_value=False,
        callback=_remember_base,
        help="Take the base model from PATH (a folder, a GGUF file or a Hub id) instead of where the store says.",
    )


def _remember_base(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    session = ctx.find_object(Session)
    if session is not None and value is not None:
        session.base = value


def revision(name: str = "rev", default: str | None = None, metavar: str = "REV") -> Decorator[Any]:
    """An argument that takes a revision; with a default it is optional."""
    if default is None:
        # No `default=None`: click takes that for the value that was given, and lets the argument be missing.
        return click.argument(name, metavar=metavar, shell_complete=complete_revision)
    return click.argument(
        name, metavar=f"[{metavar}]", required=False, default=default, shell_complete=complete_revision
    )


def at_option(help: str) -> Decorator[Any]:
    """``--at REV``, HEAD by default."""
    return click.option(
        "--at", metavar="REV", default="HEAD", show_default=True, shell_complete=complete_revision, help=help
    )


def mode_option() -> Decorator[Any]:
    """``--mode``: how the memories answer."""
    return click.option(
        "--mode",
        type=click.Choice(["retrieve", "merge", "context", "hybrid"]),
        default="retrieve",
        show_default=True,
        help="Every side memory behind the router, or one memory merged from all; or the facts that a prompt asks"
        " for in its context, always or where the router is unsure.",
    )


def setting(text: str) -> tuple[str, Setting]:
    """Read ``key=value``, see :func:`wisedb.config.read_setting`.

    Raises:
        click.BadParameter: there is no key or no ``=``.
    """
    try:
        return read_setting(text)
    except UsageError as error:
        raise click.BadParameter(error.message) from error


def settings_option() -> Decorator[Any]:
    """``--set key=value``, as often as wanted."""
    return click.option(
        "--set",
        "settings",
        metavar="KEY=VALUE",
        type=setting,
        multiple=True,
        shell_complete=complete_setting,
        help="A setting of the editor, such as steps=30; may be given several times.",
    )


def spoken_date(text: str) -> datetime:
    """Read a date as people say it, with the beginning of a day where there is no time."""
    return when(text)


def spoken_end(text: str) -> datetime:
    """The same with the end of a day."""
    return when(text, ends=True)


def message_option(function: Callback) -> Callback:
    """``-m``: the message of a commit that says by itself what it does."""
    return click.option(
        "-m", "--message", metavar="MSG", help="The new commit's message; says what it does by default."
    )(function)


def files_argument(*, required: bool) -> Decorator[Any]:
    """Input files. That they exist is checked by the reader, which says more about what is wrong with one."""
    shown = "FILE..." if required else "[FILE]..."
    return click.argument("files", metavar=shown, nargs=-1, required=required, type=click.Path(path_type=Path))
