"""Addresses of remotes: what a user types, and the one form in which it is kept.

::

    org/name, hf://org/name               a repository on the Hugging Face Hub
    an existing folder, ./x, /x, ~/x,     a folder
    a/b/c, file:///x
    s3://bucket/x, gs://bucket/x, …       an object store that fsspec knows
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from wisedb.errors import UnknownRemote, UsageError
from wisedb.paths import expanded

_HUB_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HUB_PAGES: Final = ("huggingface.co", "hf.co")
_EXAMPLES: Final = "Give a configured name, org/name or hf://org/name, a folder (./x), or s3://bucket/x."


@dataclass(frozen=True, slots=True)
class Address:
    """Where a remote is.

    Attributes:
        scheme: ``hf``, ``file``, or fsspec's name of an object store.
        url: the canonical form: ``hf://org/name``, an absolute folder, ``s3://bucket/prefix``. Holds no credentials.
    """

    scheme: str
    url: str

    @property
    def folder(self) -> Path:
        """The folder of a ``file`` address."""
        return Path(self.url)

    @property
    def name(self) -> str:
        """The last part: what a clone's folder is called."""
        return self.url.rstrip("/").rpartition("/")[2]


def parse_address(text: str, *, base: Path | None = None) -> Address:
    """Take an address apart.

    Args:
        text: what the user gave.
        base: what a relative folder is relative to; the working directory by default.

    Raises:
        UsageError: it holds a user name, a password, a query or a fragment: credentials never enter a configuration.
        UnknownRemote: it is no address.
    """
    if not text.strip() or any(ord(character) < 32 for character in text):
        raise UnknownRemote("an address of a remote can't be empty", hint=_EXAMPLES)
    found = _SCHEME.match(text)
    if found is None:
        return _bare(text, base)
    scheme = found[1].lower()
    if scheme == "file":
        return _file(text)
    return _remote(scheme, text)


def _bare(text: str, base: Path | None) -> Address:
    path = expanded(text)
    folder = (base or Path.cwd()) / path
    written_as_path = text.startswith((".", "/", "~")) or text.endswith("/") or text.count("/") > 1
    if written_as_path or folder.is_dir():
        return Address("file", _normal(folder))
    if _HUB_NAME.fullmatch(text):
        return Address("hf", f"hf://{text}")
    shown = text if "@" not in text and ":" not in text else "what was given"
    raise UnknownRemote(f"there is no remote '{shown}'", hint=f"`wisedb remote list` shows them. {_EXAMPLES}")


def _file(text: str) -> Address:
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise UnknownRemote("the file:// address can't be read", hint="Write it as file:///folder.") from error
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise UnknownRemote("a file:// address needs an absolute path", hint="Write it as file:///folder.")
    return Address("file", _normal(Path(unquote(parts.path))))


def _remote(scheme: str, text: str) -> Address:
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise UnknownRemote(f"the {scheme}:// address can't be read", hint=_EXAMPLES) from error
    if "@" in parts.netloc:
        # The message must not repeat it: it would end up in logs.
        raise UsageError(
            f"the {scheme}:// address holds a user name or a password",
            hint="Leave it out: tokens come from `hf auth login` or HF_TOKEN, keys of object stores from their tools.",
        )
    if parts.query or parts.fragment:
        raise UsageError(f"the {scheme}:// address has a '?' or '#' in it", hint=_EXAMPLES)
    place = (parts.netloc + parts.path).strip("/")
    if scheme in ("https", "http") and parts.netloc in _HUB_PAGES:
        scheme, place = "hf", parts.path.strip("/")
    if scheme == "hf":
        if not _HUB_NAME.fullmatch(place):
            raise UnknownRemote("a Hub address is hf://org/name", hint=_EXAMPLES)
        return Address("hf", f"hf://{place}")
    from fsspec import available_protocols  # only where an object store is meant

    if scheme not in available_protocols():
        raise UnknownRemote(f"there is no kind of remote '{scheme}://'", hint=_EXAMPLES)
    if not place:
        raise UnknownRemote(f"the {scheme}:// address names no place", hint=_EXAMPLES)
    return Address(scheme, f"{scheme}://{place}")


def _normal(folder: Path) -> str:
    # Not resolved: a link that leads elsewhere tomorrow is its owner's business.
    parts: list[str] = []
    for part in folder.absolute().parts[1:]:
        if part == ".." and parts:
            parts.pop()
        elif part != "..":
            parts.append(part)
    return "/" + "/".join(parts)
