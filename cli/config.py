"""``wisedb config``: who you are, and the defaults of your calls."""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from wisedb import preferences
from wisedb.errors import UnknownPreference
from wisedb.preferences import KEYS, Preference

from . import render
from .options import command
from .preferences import global_file
from .session import Session

if TYPE_CHECKING:
    from wisedb.store.store import Store

_BRANCH = ("remote", "merge")


@command(
    'wisedb config --global user.name "Ada Lovelace"',
    "wisedb config --global user.email ada@example.org",
    "wisedb config generate.max-new-tokens 50",
    "wisedb config user.name",
    "wisedb config --list",
    "wisedb config --unset generate.max-new-tokens",
)
@click.argument("key", required=False)
@click.argument("value", required=False)
@click.option("--global", "is_global", is_flag=True, help="Yours, in all stores (~/.config/wisedb/config.toml).")
@click.option("--local", "--store", "is_local", is_flag=True, help="This store's alone; the default for a new value.")
@click.option("-l", "--list", "lists", is_flag=True, help="List all that is set.")
@click.option("--get", is_flag=True, help="Print the value of KEY; the default without VALUE.")
@click.option("--unset", is_flag=True, help="Forget KEY.")
@click.option("--show-origin", is_flag=True, help="Say of each value which file it comes from.")
@click.pass_context
def config(
    ctx: click.Context,
    session: Session,
    key: str | None,
    value: str | None,
    is_global: bool,
    is_local: bool,
    lists: bool,
    get: bool,
    unset: bool,
    show_origin: bool,
) -> None:
    """Read and set preferences.

    KEY is user.name, user.email, user.signingkey, core.editor (for messages), core.pager, branch.NAME.remote,
    branch.NAME.merge, or COMMAND.OPTION: a default for an option of a command, such as commit.format. A store's own
    wins over yours; what is given in a call, or by an environment variable, wins over both. Yours alone are gpg.format
    (ssh or openpgp), gpg.program, gpg.ssh.program, gpg.ssh.allowedSignersFile, gpg.ssh.revocationFile, safe.directory
    (folders whose stores are used though they are another user's, with ':' between them; WISEDB_SAFE_DIRECTORY names
    more), and what else is run, trusted, sent to, written or left unguarded. A key that isn't set ends with exit code
    1.
    """
    if is_global and is_local:
        raise click.UsageError("--global and --local exclude each other")
    if lists and (key is not None or unset):
        raise click.UsageError("--list takes no key")
    if not lists and key is None:
        raise click.UsageError("name a KEY, or give --list")
    if value is not None and (unset or get):
        raise click.UsageError("--get and --unset take no value")
    if value is not None or unset:
        _change(ctx, session, str(key), value, is_global=is_global)
        return
    found = _read(session, is_global=is_global, is_local=is_local)
    if key is not None:
        name = preferences.check_key(key)
        if name not in found:
            raise UnknownPreference(f"'{name}' is not set", hint="`wisedb config --list` shows what is.")
        found = {name: found[name]}
    told = {name: text for name, (text, _) in sorted(found.items())}
    if session.as_json or not (lists or show_origin):
        session.show(told, lambda told: [_text(each) for each in told.values()])
        return
    origins = {name: origin for name, (_, origin) in found.items()}
    session.browse(
        told,
        lambda told: (
            render.line((f"{origins[name]}  ", "dim") if show_origin else None, f"{name}={_text(each)}")
            for name, each in told.items()
        ),
    )


def _read(session: Session, *, is_global: bool, is_local: bool) -> dict[str, tuple[Preference, str]]:
    """Key → value, and where it comes from."""
    found: dict[str, tuple[Preference, str]] = {}
    if not is_local:
        path = global_file()
        found |= {key: (value, str(path)) for key, value in preferences.read(path).items()}
    if not is_global:
        store = _store(session, needed=is_local)
        if store is not None:
            path = store.root / "config.toml"
            found |= {key: (value, str(path)) for key, value in store.config.preferences.items()}
    return found


def _change(ctx: click.Context, session: Session, key: str, value: str | None, *, is_global: bool) -> None:
    name = preferences.check_key(key)
    if value is not None and not is_global and preferences.is_personal(name):
        raise click.UsageError(f"{name} is yours alone, since a store may come from somebody else: give --global")
    new = None if value is None else _checked(ctx, name, value)
    store = None if is_global else _store(session, needed=True)

    def change(there: dict[str, Preference]) -> dict[str, Preference]:
        if new is None and name not in there:
            raise UnknownPreference(f"'{name}' is not set", hint="`wisedb config --list` shows what is.")
        rest = {each: kept for each, kept in there.items() if each != name}
        return rest if new is None else {**rest, name: new}

    if store is None:
        preferences.write(global_file(), change(preferences.read(global_file())))
    else:
        store.change_preferences(change)
    session.tell({} if new is None else {name: new}, lambda told: [f"{name}={_text(each)}" for each in told.values()])


def _store(session: Session, *, needed: bool) -> Store | None:
    from wisedb.errors import NotAStore

    try:
        return session.store()
    except NotAStore as error:
        if not needed:
            return None
        raise NotAStore(error.message, hint="Give --global for a preference of yours in all stores.") from error


def _checked(ctx: click.Context, key: str, text: str) -> Preference:
    """The value as the key wants it.

    Raises:
        UnknownPreference: nothing looks at that key.
        click.UsageError: the option doesn't take that value.
    """
    section, _, name = key.partition(".")
    if key in KEYS or (section == "branch" and key.rpartition(".")[2] in _BRANCH and key.count(".") > 1):
        return text
    root = ctx.find_root()
    group = root.command
    assert isinstance(group, click.Group)
    command = group.get_command(root, section)
    option = None if command is None else _option(command, name)
    if command is None or option is None:
        known = [*KEYS, *(f"{section}.{each}" for each in _names(command))]
        near = get_close_matches(key, known, n=1)
        raise UnknownPreference(
            f"nothing looks at '{key}'", hint=f"Did you mean {near[0]}?" if near else "See `wisedb config --help`."
        )
    if option.multiple or (option.is_flag and not option.is_bool_flag):
        raise click.UsageError(f"{key} can have no default: it is given call by call")
    if option.is_flag:
        words = {
            "true": True,
            "yes": True,
            "on": True,
            "1": True,
            "false": False,
            "no": False,
            "off": False,
            "0": False,
        }
        if text.lower() not in words:
            raise click.UsageError(f"{key} is true or false, not '{text}'")
        return words[text.lower()]
    option.type_cast_value(ctx, text)
    try:
        number = json.loads(text)
    except ValueError:
        return text
    return number if type(number) in (int, float) else text


def _option(command: click.Command, name: str) -> click.Option | None:
    return next((each for each in _options(command) if f"--{name}" in each.opts), None)


def _names(command: click.Command | None) -> list[str]:
    if command is None:
        return []
    return [spelling.removeprefix("--") for each in _options(command) for spelling in each.opts if spelling[:2] == "--"]


def _options(command: click.Command) -> list[click.Option]:
    # What is remembered by a callback of its own is no default of the command's.
    return [each for each in command.params if isinstance(each, click.Option) and each.expose_value]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
