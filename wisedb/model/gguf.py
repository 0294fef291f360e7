"""GGUF files: weights, configuration and tokenizer in one. Names and bytes only; loads no model."""

from __future__ import annotations

import hashlib
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from wisedb.errors import ModelNotFound, UnsupportedModel, UsageError
from wisedb.paths import expanded

SUFFIX: Final = ".gguf"

_MAGIC: Final = b"GGUF"
_ON_HUB: Final = re.compile(r"(?P<id>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)/(?P<file>.+)")


def split_gguf(model: str) -> tuple[str, str | None]:
    """Take the path of a GGUF file apart.

    Args:
        model: as :func:`wisedb.model.base.load_base` takes it, or such a path: ``folder/F.gguf``, ``org/name/F.gguf``.

    Returns:
        folder or Hub id, and the file's name in it; for any other model, the model as it is and ``None``.
    """
    path = expanded(model)
    if path.suffix.lower() != SUFFIX or path.is_dir():
        return model, None
    if not path.parent.is_dir():
        if found := _ON_HUB.fullmatch(model):
            return found["id"], found["file"]
        if not path.is_absolute() and len(path.parts) == 2:
            return model, None  # a repository of the Hub may end its name so
    return str(path.parent), path.name


def check_gguf_support() -> None:
    """Make sure that GGUF files can be read here, before anybody waits for one.

    Raises:
        UnsupportedModel: the package ``gguf`` isn't installed.
    """
    if find_spec("gguf") is None:
        raise UnsupportedModel(
            "a GGUF file needs the package gguf, which isn't installed", hint="pip install 'wisedb[gguf]'"
        )


def check_gguf_name(name: str) -> None:
    """Refuse what leads out of the model's folder: the name may come from a pack.

    Raises:
        UsageError: it is absolute, or climbs.
    """
    path = Path(name)
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise UsageError(
            f"'{name}' names no file inside the model's folder",
            hint="Give the folder as the model, and the file in it.",
        )


def gguf_path(folder: Path, name: str) -> Path:
    """Where a GGUF file is.

    Args:
        folder: the model's folder.
        name: the file's name, relative to it; see :func:`check_gguf_name`.

    Raises:
        ModelNotFound: it isn't there.
        UnsupportedModel: it is no GGUF file.
    """
    file = folder / name
    if not file.is_file():
        there = gguf_files(folder)
        raise ModelNotFound(
            f"{folder} holds no file {name}",
            hint=f"Of GGUF files it holds: {', '.join(there)}." if there else "It holds no GGUF file at all.",
        )
    with file.open("rb") as stream:
        if stream.read(len(_MAGIC)) != _MAGIC:
            raise UnsupportedModel(f"{file} is no GGUF file", hint="Name another one, or download it again.")
    return file


def gguf_files(folder: Path) -> list[str]:
    """The names of a folder's GGUF files, sorted."""
    return sorted(path.name for path in folder.glob(f"*{SUFFIX}"))


def gguf_digest(file: Path) -> str:
    """SHA-256 of the file's bytes, as ``sha256sum`` and the Hub's page of the file give it."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
