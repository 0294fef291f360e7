"""Words of any script, as Unicode bounds them (Unicode Standard Annex #29)."""

from __future__ import annotations

import unicodedata

import regex

# Scripts that are written without spaces between words, as Unicode names their letters.
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")
_WORD = regex.compile(r"(?w)\b\w.*?\b")
# Signs of a script without spaces that count for a word: dictionaries of Chinese, Japanese and Thai hold longer and
# shorter ones. Set by hand.
_SIGNS = 2


def unspaced(sign: str) -> bool:
    """Whether a sign is of a script that is written without spaces between words."""
    return unicodedata.name(sign, "").startswith(_UNSPACED)


def word_spans(text: str) -> list[tuple[int, int]]:
    """Where each word begins and what stands behind it, without spaces and punctuation.

    In scripts without spaces between words that is a sign with its marks, or in Japanese a run of katakana.
    """
    return [match.span() for match in _WORD.finditer(text)]


def pieces(text: str) -> list[str]:
    """A text cut where words begin, each with one space in front of it where it had white space there.

    The first ones together are the text's beginning. In scripts without spaces two signs make a piece.
    """
    found: list[str] = []
    for part in text.split():
        cuts = _cuts(part)
        inside = [part[start:end] for start, end in zip([0, *cuts], [*cuts, len(part)], strict=True)]
        inside[0] = f" {inside[0]}" if found else inside[0]
        found += inside
    return found


def count_words(text: str) -> int:
    """How many words a text has; in scripts without spaces two signs count as one."""
    return len(pieces(text))


def _cuts(part: str) -> list[int]:
    """Where words begin inside what stands between spaces, its own beginning left out."""
    found, signs, end = [], 0, 0
    for start, behind in word_spans(part):
        if unspaced(part[start]):
            signs = signs + 1 if start == end else 1
            if start and signs % _SIGNS:
                found.append(start)
        elif end and unspaced(part[end - 1]):
            found.append(start)
        end = behind
    return found


def full_stop(text: str) -> str:
    """What ends a text as a sentence: in Chinese and Japanese a stop as wide as their signs."""
    wide = text[-1:] and unspaced(text[-1]) and unicodedata.east_asian_width(text[-1]) == "W"
    return "。" if wide else "."


def script_of(text: str) -> str:
    """The script of a text's first letter, as Unicode names its letters (``LATIN``, ``CJK``); empty without one."""
    letter = next((sign for sign in text if sign.isalpha()), None)
    return "" if letter is None else unicodedata.name(letter, "").partition(" ")[0]


def caseless(text: str) -> bool:
    """Whether a text begins with a letter that has no capital."""
    return text[:1].isalpha() and text[0].lower() == text[0].upper()
