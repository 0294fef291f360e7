"""The names of refs: what git would take, since names become paths."""

from __future__ import annotations

import re
from typing import Final

from wisedb.errors import InvalidRefName

HEAD: Final = "HEAD"
ORIG_HEAD: Final = "ORIG_HEAD"
"""Where HEAD was before the last command that moved a branch far; a file of its own, no ref."""

BRANCHES: Final = "refs/heads/"
TAGS: Final = "refs/tags/"
REMOTES: Final = "refs/remotes/"

_FORBIDDEN: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")


def is_ref_name(ref: str) -> bool:
    """Whether git would take ``ref`` as the full name of a branch, a tag or a remote branch."""
    parts = ref.split("/")
    return (
        len(parts) >= 3
        and parts[0] == "refs"
        and parts[1] in ("heads", "tags", "remotes")
        and not _FORBIDDEN.search(ref)
        and not ref.endswith(".")
        and len(ref.encode(errors="replace")) <= 1024
        and all(_is_part(part) for part in parts)
    )


def check_ref_name(ref: str) -> None:
    """Check the full name of a ref; ``HEAD`` is one.

    Raises:
        InvalidRefName: git wouldn't take it either.
    """
    if ref == HEAD:
        return
    short = ref.split("/", 2)[-1]
    # A branch named HEAD, @ or like an option could never be said unambiguously.
    if not is_ref_name(ref) or short in (HEAD, ORIG_HEAD, "@") or short.startswith("-"):
        raise InvalidRefName(
            f"'{short}' can't name a branch or tag",
            hint="Use letters, digits, '-', '_', '.' and '/'; not '..', '@{', spaces or any of ~^:?*[\\.",
        )


def describe_ref(ref: str) -> str:
    """A full name as one says it: ``branch 'main'``."""
    for prefix, noun in ((BRANCHES, "branch"), (TAGS, "tag"), (REMOTES, "remote branch")):
        if ref.startswith(prefix):
            return f"{noun} '{ref.removeprefix(prefix)}'"
    return ref


def _is_part(part: str) -> bool:
    return (
        part != ""
        and not part.startswith(".")
        and not part.endswith(".lock")
        and len(part.encode(errors="replace")) < 250
    )
