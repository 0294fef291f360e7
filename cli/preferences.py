"""Where preferences come from: a person's file and the store's configuration, and what they stand for in a call."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from wisedb.preferences import Preference, flatten, is_personal, read

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
        for path in (folder / ".wisedb" / "config.toml", folder / "config.toml"):
            if (path.parent / "objects").is_dir() and path.is_file():
                with suppress(OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError):
                    return flatten(tomllib.loads(path.read_text(encoding="utf-8")).get("config", {}))
                return {}
    return {}


def effective(start: Path) -> dict[str, Preference]:
    """What counts in a call: the person's, and over them the store's, but for what is a person's alone.

    Raises:
        CorruptObject: the person's file can't be read.
    """
    stored = of_store(start.absolute())
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
