"""What several commands share: the decorator that makes them alike, arguments, value types, completion."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from click.shell_completion import CompletionItem

from wisedb.config import Setting
from wisedb.errors import NoIdentity, WisedbError
from wisedb.store.dates import when

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
    """``--mode``: all side memories behind the router, or one merged memory."""
    return click.option(
        "--mode",
        type=click.Choice(["retrieve", "merge"]),
        default="retrieve",
        show_default=True,
        help="Every side memory behind the router, or one memory merged from all of them.",
    )


def setting(text: str) -> tuple[str, Setting]:
    """Read ``key=value``; the value as JSON where it is one (``true``, ``30``, ``1e-3``), else as text.

    Raises:
        click.BadParameter: there is no key or no ``=``.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise click.BadParameter(f"'{text}' is not key=value, as in steps=30")
    return key.strip(), _value(value.strip())


def _value(text: str) -> Setting:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float | str) else text


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


def moment(text: str) -> str:
    """Read a date and time in ISO 8601, UTC where it has no offset, and give it in UTC with a ``Z``.

    Raises:
        click.BadParameter: it is no date.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"'{text}' is not a date such as 2026-01-31T12:00:00Z") from error
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return found.isoformat().replace("+00:00", "Z")


def signature_options(function: Callback) -> Callback:
    """``--author`` and ``--date``: who makes the commit, and when. The author is a name: without one it fails."""
    return _signed(function, _required_author)


def late_signature_options(function: Callback) -> Callback:
    """The same for commands that may come to no commit: the author is asked for once there is one."""
    return _signed(function, _late_author)


def optional_signature_options(function: Callback) -> Callback:
    """The same where the author may be left out: ``None`` where nobody said."""
    return _signed(function, _optional_author)


def _signed(function: Callback, author: Callable[[click.Context, click.Parameter, str | None], Any]) -> Callback:
    who = click.option(
        "--author",
        metavar="NAME",
        envvar="WISEDB_AUTHOR",
        show_envvar=True,
        callback=author,
        help="Who makes the commit; by default what 'wisedb config', or else git, has as user.name and user.email.",
    )
    date = click.option(
        "--date",
        metavar="WHEN",
        envvar="WISEDB_DATE",
        show_envvar=True,
        type=moment,
        help="The commit's time in ISO 8601, for commits that can be made again to the byte; now by default.",
    )
    return who(date(function))


def _optional_author(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    session = ctx.find_object(Session)
    return value or (None if session is None else session.who())


def _required_author(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    found = _optional_author(ctx, param, value)
    if found is None and not ctx.resilient_parsing:
        raise NoIdentity
    return found


def _late_author(ctx: click.Context, param: click.Parameter, value: str | None) -> str | Callable[[], str]:
    return _optional_author(ctx, param, value) or _nobody


def _nobody() -> str:
    raise NoIdentity


def message_option(function: Callback) -> Callback:
    """``-m``: the message of a commit that says by itself what it does."""
    return click.option(
        "-m", "--message", metavar="MSG", help="The new commit's message; says what it does by default."
    )(function)


def files_argument(*, required: bool) -> Decorator[Any]:
    """Input files. That they exist is checked by the reader, which says more about what is wrong with one."""
    shown = "FILE..." if required else "[FILE]..."
    return click.argument("files", metavar=shown, nargs=-1, required=required, type=click.Path(path_type=Path))


def complete_revision(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Branches and tags that begin like this."""
    return _complete(ctx, incomplete, lambda repository: [*repository.branches(), *repository.tags()], ("HEAD",))


def complete_branch(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Branches that begin like this."""
    return _complete(ctx, incomplete, lambda repository: repository.branches())


def complete_tag(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Tags that begin like this."""
    return _complete(ctx, incomplete, lambda repository: repository.tags())


def complete_editor(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Editors that begin like this."""
    from wisedb.editors.registry import editors

    return [CompletionItem(name) for name in editors() if name.startswith(incomplete)]


def complete_setting(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Settings that begin like this: those of the editor that is named before, of the default one otherwise."""
    from wisedb.config import DEFAULT_EDITOR
    from wisedb.editors.describe import settings_help

    try:
        found = settings_help(ctx.params.get("editor") or DEFAULT_EDITOR)
    except WisedbError:
        return []
    return [CompletionItem(f"{each.name}=") for each in found if each.name.startswith(incomplete)]


def complete_remote(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Remotes that begin like this."""
    directory = ctx.find_root().params.get("directory")
    try:
        names = list(Session(directory=directory).repository().remotes())
    except (WisedbError, OSError):
        return []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _complete(
    ctx: click.Context, incomplete: str, refs: Callable[[Any], Iterable[Any]], more: Iterable[str] = ()
) -> list[CompletionItem]:
    directory = ctx.find_root().params.get("directory")
    try:
        names = [ref.name for ref in refs(Session(directory=directory).repository())]
    except (WisedbError, OSError):
        return []  # no store here: nothing to offer, and a completion must not complain
    return [CompletionItem(name) for name in [*more, *names] if name.startswith(incomplete)]
