"""What is installed: Python, what wisedb depends on, and its extras."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata, requires, version

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from wisedb.doctor.check import NOTE, OK, WRONG, Check

_SHOWN = ("torch", "transformers", "safetensors", "duckdb")


def software(distribution: str = "wisedb") -> Iterator[Check]:
    """Python, each requirement that isn't met, and which extras are complete.

    Args:
        distribution: the name under which wisedb is installed.
    """
    try:
        wanted = metadata(distribution)["Requires-Python"] or ""
    except PackageNotFoundError:
        yield Check("packages", WRONG, f"{distribution} is not installed as a package", "`pip install wisedb`.")
        return
    python = platform.python_version()
    fits = SpecifierSet(wanted).contains(python, prereleases=True)
    yield Check("python", OK if fits else WRONG, python, "" if fits else f"wisedb needs Python {wanted}.")
    needed = [Requirement(text) for text in requires(distribution) or ()]
    missing = [problem for each in needed if _holds(each, "") and (problem := _problem(each)) is not None]
    if missing:
        yield Check("packages", WRONG, "; ".join(missing), "`pip install --upgrade wisedb` installs what it needs.")
    else:
        shown = ", ".join(f"{name} {version(name)}" for name in _SHOWN if _installed(name))
        yield Check("packages", OK, f"{distribution} {version(distribution)} with {shown}")
    for extra in sorted(set(metadata(distribution).get_all("Provides-Extra") or ()) - {"dev"}):
        own = [each for each in needed if _holds(each, extra) and not _holds(each, "")]
        lacks = [problem for each in own if (problem := _problem(each)) is not None]
        told = "installed" if not lacks else "; ".join(lacks)
        hint = f"Where you want it: pip install 'wisedb[{extra}]'." if lacks else ""
        yield Check(f"extra {extra}", NOTE if lacks else OK, told, hint)


def _holds(requirement: Requirement, extra: str) -> bool:
    environment = {**default_environment(), "extra": extra}
    return requirement.marker is None or requirement.marker.evaluate(
        {key: str(each) for key, each in environment.items()}
    )


def _problem(requirement: Requirement) -> str | None:
    if not _installed(requirement.name):
        return f"{requirement.name} is not installed"
    found = version(requirement.name)
    if requirement.specifier.contains(found, prereleases=True):
        return None
    return f"{requirement.name} is {found} and must be {requirement.specifier}"


def _installed(name: str) -> bool:
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False
