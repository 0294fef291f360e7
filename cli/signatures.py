"""Who makes a commit, and when: ``--author`` and ``--date``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from wisedb.errors import NoIdentity

from .options import Callback
from .session import Session

if TYPE_CHECKING:
    from wisedb.signing.signer import Sign


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


def sign_option(function: Callback) -> Callback:
    """``-S``: sign the commit, by the key that the preferences name; gives what signs, or ``None``."""
    return click.option(
        "-S",
        "--sign/--no-sign",
        "sign",
        default=None,
        callback=_signer,
        help="Sign the commit with your key (user.signingkey), or not; `wisedb config commit.sign true` signs all.",
    )(function)


def _signer(ctx: click.Context, param: click.Parameter, value: bool | None) -> Sign | None:
    session = ctx.find_object(Session)
    if session is None or ctx.resilient_parsing:
        return None
    wanted = session.preferences.get("commit.sign", False) if value is None else value
    return session.signer() if wanted else None


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
