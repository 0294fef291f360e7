"""Where preferences come from: a person's file and the store's configuration, and what they stand for in a call."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wisedb.errors import WisedbError
from wisedb.preferences import SAFE, Preference, flatten, is_personal, read

if TYPE_CHECKING:
    from wisedb.store.owner import TrustedOwners

_PATIENCE = 5
"""Seconds that git has to say who somebody is."""


def global_file() -> Path:
    """The file of the person who calls: ``WISEDB_CONFIG``, or ``wisedb/config.toml`` where configuration is kept."""
    named = os.environ.get("WISEDB_CONFIG")
    if named:
        return Path(named)
    # Here, so that the list of all commands needs it not.
    from platformdirs import user_config_path

    return user_config_path("wisedb") / "config.toml"


def of_store(start: Path) -> dict[str, Preference]:
    """The preferences of the store in ``start`` or above; none where there is no store, or none that can be read.

    Only this table of its configuration is looked at: whoever opens the store says what is wrong with the rest.
    """
    for folder in (start, *start.parents):
        for root in (folder / ".wisedb", folder):
            if (root / "objects").is_dir() and (root / "config.toml").exists():
                with suppress(OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError, WisedbError):
                    return flatten(tomllib.loads(_read_of_store(root)).get("config", {}))
                return {}
    return {}


def _read_of_store(root: Path) -> str:
    from wisedb.store.files import Disk
    from wisedb.store.owner import check_owner

    check_owner(root, trusted_owners())
    return Disk(root=root).read(root / "config.toml").decode()


def trusted_owners() -> TrustedOwners:
    """Whose stores are used besides one's own: ``WISEDB_SAFE_DIRECTORY``, the person's safe.directory, sudo's caller.

    Raises:
        CorruptObject: the person's file can't be read.
    """
    from wisedb.store.owner import TrustedOwners

    named = f"{os.environ.get('WISEDB_SAFE_DIRECTORY', '')}{os.pathsep}{read(global_file()).get(SAFE, '')}"
    caller = os.environ.get("SUDO_UID", "")
    users = {int(caller)} if os.geteuid() == 0 and caller.isdecimal() else set()
    return TrustedOwners(tuple(folder for folder in named.split(os.pathsep) if folder), frozenset(users))


def effective(stored: Mapping[str, Preference]) -> dict[str, Preference]:
    """What counts in a call: the person's, and over them the store's, but for what is a person's alone.

    Raises:
        CorruptObject: the person's file can't be read.
    """
    return {**read(global_file()), **{key: value for key, value in stored.items() if not is_personal(key)}}


def of_git(start: Path) -> dict[str, Preference]:
    """``user.name`` and ``user.email`` as git has them in a folder, those that somebody set; none without git."""
    # Here, so that the list of all commands needs it not.
    import subprocess

    found: dict[str, Preference] = {}
    try:
        said = subprocess.run(
            ["git", "config", "--null", "--get-regexp", r"^user\.(name|email)$"],
            cwd=start,
            capture_output=True,
            check=False,
            text=True,
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return found
    # The last one of a key counts.
    for entry in said.stdout.split("\0"):
        key, _, value = entry.partition("\n")
        if value:
            found[key] = value
    return found


def defaults(preferences: Mapping[str, Preference]) -> dict[str, dict[str, Any]]:
    """Command → option, without its dashes → default."""
    tables: dict[str, dict[str, Any]] = {}
    for key, value in preferences.items():
        command, _, option = key.partition(".")
        tables.setdefault(command, {})[option] = value
    return tables
