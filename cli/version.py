"""``wisedb version``: which versions are at work."""

from __future__ import annotations

from collections.abc import Mapping

from . import render
from .options import command
from .session import Session


@command("wisedb version", "wisedb version --json")
def version(session: Session) -> None:
    """Print the versions of wisedb and of what it computes with."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed
    from platform import python_version

    from wisedb import __version__

    found = {"wisedb": __version__, "python": python_version()}
    for name in ("torch", "transformers", "safetensors", "duckdb", "click"):
        try:
            found[name] = installed(name)
        except PackageNotFoundError:
            continue
    session.show(found, _versions)


def _versions(found: Mapping[str, str]) -> render.Lines:
    yield f"wisedb {found['wisedb']}"
    yield render.line((", ".join(f"{name} {number}" for name, number in found.items() if name != "wisedb"), "dim"))
