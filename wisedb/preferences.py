"""What a person or a store prefers: ``user.name``, ``core.pager``, the defaults of a command's options.

A preference goes by a dotted key, as in git. A file of preferences is TOML, a table a section::

    [user]
    name = "Ada Lovelace"
    email = "ada@example.org"

    [generate]
    max-new-tokens = 50

One file is a person's (``~/.config/wisedb/config.toml``); the table ``config`` of a store's configuration holds the
store's own, which win.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import tomli_w

from wisedb.errors import CorruptObject, StoreNotWritable, UsageError

Preference = bool | int | float | str
"""A value; all of them survive TOML and JSON unchanged."""

NAME: Final = "user.name"
EMAIL: Final = "user.email"
EDITOR: Final = "core.editor"
PAGER: Final = "core.pager"
KEY: Final = "user.signingkey"
FORMAT: Final = "gpg.format"
GPG: Final = "gpg.program"
SSH_PROGRAM: Final = "gpg.ssh.program"
SIGNERS: Final = "gpg.ssh.allowedsignersfile"
REVOKED: Final = "gpg.ssh.revocationfile"

SAFE: Final = "safe.directory"

_SIGNING: Final = (FORMAT, GPG, SSH_PROGRAM, SIGNERS, REVOKED)

KEYS: Final = (NAME, EMAIL, EDITOR, PAGER, SAFE, KEY, *_SIGNING)
"""Those that are no default of a command's option and belong to no branch."""

_PERSONAL: Final = frozenset(
    {
        *("allow-secrets", "allowed-signers", "dir", "endpoint", "file", "force", "out", "pool", "require-signed"),
        "trust-remote-code",
    }
)
_KEY: Final = re.compile(r"[a-z][a-z0-9-]*(\.[^\s.\"][^\s\"]*)?\.[a-z][a-z0-9-]*")


def check_key(key: str) -> str:
    """The key in its normal form: section and name in lower case, ``_`` as ``-``.

    Raises:
        UsageError: it isn't written like one.
    """
    section, _, rest = key.partition(".")
    middle, dot, name = rest.rpartition(".")
    found = f"{section.lower()}.{middle}{dot}{name.lower().replace('_', '-')}"
    if not _KEY.fullmatch(found):
        raise UsageError(
            f"'{key}' is no key", hint="A key is SECTION.NAME, as in user.name or generate.max-new-tokens."
        )
    return found


def is_personal(key: str) -> bool:
    """Whether a preference is a person's alone: what it names is run, trusted, sent to, written or left unguarded.

    A store may have come from somebody else, its configuration with it.
    """
    return key in (EDITOR, PAGER, SAFE, *_SIGNING) or key.rpartition(".")[2] in _PERSONAL


def identity(preferences: Mapping[str, Preference]) -> str | None:
    """``Name <address>`` as preferences have it, the name alone without an address, ``None`` without a name."""
    name, email = (" ".join(str(preferences.get(key, "")).split()) for key in (NAME, EMAIL))
    if not name:
        return None
    return f"{name} <{email}>" if email else name


def flatten(tables: Mapping[str, Any]) -> dict[str, Preference]:
    """Dotted key → value, of nested tables.

    Raises:
        TypeError: a value is a list, a date or the like.
    """
    found: dict[str, Preference] = {}
    for name, value in tables.items():
        if isinstance(value, Mapping):
            found |= {f"{name}.{rest}": each for rest, each in flatten(value).items()}
        elif isinstance(value, Preference):
            found[name] = value
        else:
            raise TypeError(f"'{name}' must be a text, a number, true or false")
    return found


def nest(preferences: Mapping[str, Preference]) -> dict[str, Any]:
    """The tables of dotted keys: section, where there is one what stands between the dots, name."""
    tables: dict[str, Any] = {}
    for key, value in sorted(preferences.items()):
        section, _, rest = key.partition(".")
        middle, _, name = rest.rpartition(".")
        table = tables.setdefault(section, {})
        (table.setdefault(middle, {}) if middle else table)[name] = value
    return tables


def read(path: Path) -> dict[str, Preference]:
    """A person's preferences; none where there is no file.

    Raises:
        CorruptObject: the file can't be read.
    """
    try:
        return flatten(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError) as error:
        raise CorruptObject(f"{path} can't be read: {error}", hint="Mend the file, or delete it.") from error


def write(path: Path, preferences: Mapping[str, Preference]) -> None:
    """Replace a person's preferences, whole or not at all.

    Raises:
        StoreNotWritable: nothing has changed.
    """
    draft = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(tomli_w.dumps(nest(preferences)).encode())
        draft.replace(path)
    except OSError as error:
        raise StoreNotWritable(
            f"{path} can't be written: {error.strerror}", hint="Check who may write there."
        ) from error
