"""Foreign text inside Markdown: it is shown as it is, and can't be anything but text."""

from __future__ import annotations

import re
from typing import Final

from wisedb.shown import is_hidden

_WHITE: Final = re.compile(r"\s+")

# What Markdown, HTML, tables or TeX could read as more than a letter. A character reference is never structure
# (CommonMark 0.31, section 2.5), so that these become text in every renderer, in a table's cell too.
_MARKUP: Final = frozenset("\\`*_{}[]<>|&~$^=#@:%+")

# Bare addresses become links without any markup; the colon of the others is among the above.
_WWW: Final = re.compile(r"(?<=www)\.", re.IGNORECASE)


def plain(text: str, limit: int | None = None) -> str:
    r"""``text`` on one line, as Markdown that renders to exactly that text.

    White space becomes single spaces; what can't be seen but would be obeyed (control characters, directions, halves of
    surrogate pairs) becomes its code, as in ``\u202e``.

    Args:
        text: any text.
        limit: how many characters of it at most; what is left out is marked by an ellipsis.
    """
    line = _WHITE.sub(" ", text).strip()
    if limit is not None and len(line) > limit:
        line = line[: limit - 1].rstrip() + "…"
    escaped = "".join(_escaped(character) for character in line)
    return _WWW.sub("&#46;", escaped)


def _escaped(character: str) -> str:
    if is_hidden(character):
        return f"&#92;u{ord(character):04x}"
    return f"&#{ord(character)};" if character in _MARKUP else character
