"""Where a name goes on: "Holy Roman Empire" is not the Roman Empire, "Fijian" is not Fiji.

Keys find the tokens of a subject anywhere in a prompt. Whether what stands there is the whole name is told by its
neighbours: a word that goes on within the next token, a capitalised word beside a capitalised word, or one before the
"of" in front of it ("Kingdom of Syria"). Only what is written shows that, and only in scripts that have capitals;
elsewhere nothing is said, and neither is it in a text of nothing but capitals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, overload

import regex
import torch
from torch.nn.utils.rnn import pad_sequence

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

GOES_ON: Final = 1
"""The token's text begins without a space, with a letter, a digit or a hyphen."""
OPEN: Final = 2
"""It ends with one, so that a token that goes on belongs to the same word."""
CAPITAL: Final = 4
"""Its first letter is a capital."""
DIGIT: Final = 8
"""It begins with a digit."""
LOUD: Final = CAPITAL | DIGIT
"""All its letters are capitals: they say something only where the text before has other letters."""
STOP: Final = 16
"""A sentence ends with it, or it is no text at all: what follows has its capital for another reason."""
SPACE: Final = 32
"""It is nothing but white space: that before a word whose first token has none, or with :data:`STOP` a new line."""
LINK: Final = 64
"""It is a preposition that joins the parts of names, like "of"."""
ARTICLE: Final = 128
"""It is an article that may stand behind such a one."""

APART, SAME_WORD, SAME_NAME, LINKED = 0, 1, 2, 3
"""How a token follows the word before it; linked is the one behind "Kingdom of" or "Bank of the"."""

_LINKS = frozenset({"of", "de", "du", "del", "della", "des", "di", "da", "do", "von", "van"})
_ARTICLES = frozenset({"the", "la", "las", "le", "les", "los", "der", "den"})
_HYPHENS = "-\u2010\u2011\u2013"
# What ends a sentence in any script, and what the next word may have a capital after.
_STOPS = regex.compile(r"[\p{Sentence_Terminal}:;：；؛\u2026\n]")


def token_flags(tokenizer: PreTrainedTokenizerBase) -> torch.Tensor:
    """The flags of every token of a vocabulary, uint8 (V,).

    A token's text is what it adds behind another one: decoders drop the space that a text begins with.
    """
    before = tokenizer.encode("a", add_special_tokens=False)[-1:]
    if not before:
        return torch.zeros(len(tokenizer), dtype=torch.uint8)
    start: str = tokenizer.decode(before, clean_up_tokenization_spaces=False)
    texts = tokenizer.batch_decode(
        [[*before, token] for token in range(len(tokenizer))], clean_up_tokenization_spaces=False
    )
    flags = torch.tensor(
        [_flags_of(text[len(start) :]) if text.startswith(start) else 0 for text in texts], dtype=torch.uint8
    )
    flags[torch.tensor(sorted(set(tokenizer.all_special_ids)), dtype=torch.int64)] = STOP
    return flags


def _flags_of(text: str) -> int:
    body = text.strip()
    if not body:
        return STOP | SPACE if "\n" in text else SPACE
    first = body[0]
    return (
        GOES_ON * (text[0] == first and _joins(first))
        | OPEN * (text[-1] == body[-1] and _joins(body[-1]))
        | CAPITAL * (first.isupper() or first.istitle())
        | DIGIT * (first.isdigit() or (first.isupper() and body == body.upper()))
        | STOP * (_STOPS.match(body[-1]) is not None or "\n" in text)
        | LINK * (body in _LINKS)
        | ARTICLE * (body in _ARTICLES)
    )


def _joins(character: str) -> bool:
    cased = character.lower() != character.upper()
    return cased or character.isdigit() or character in _HYPHENS


@overload
def _tells_case(flags: int) -> bool: ...
@overload
def _tells_case(flags: torch.Tensor) -> torch.Tensor: ...
def _tells_case(flags: int | torch.Tensor) -> bool | torch.Tensor:
    """Whether tokens have letters, and not capitals alone: int, or uint8 of any shape."""
    kind = flags & LOUD
    return (kind != LOUD) & (kind != DIGIT) & ((flags & (OPEN | GOES_ON | CAPITAL)) != 0)


def last_word(flags: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """The last token of each row that is more than white space, counted among those seen; without one the last of all.

    Args:
        flags: uint8 (B, S).
        seen: bool (B, S).

    Returns:
        int64 (B, 1), -1 where nothing is seen.
    """
    place = seen.cumsum(dim=1) - 1
    found = torch.where(seen & ((flags & SPACE) == 0), place, -1).amax(dim=1, keepdim=True)
    return torch.where(found < 0, place[:, -1:], found)


def name_in(flags: Sequence[int]) -> range:
    """The places of a sentence's longest name: capitalised words, the first one of the sentence aside; empty for none.

    Args:
        flags: of its tokens, in order.
    """
    if not any(map(_tells_case, flags)):
        return range(0)
    found = name = range(0)
    for place, flag in enumerate(flags):
        same_word = place and flag & GOES_ON and flags[place - 1] & OPEN
        if name and name.stop == place and (same_word or flag & CAPITAL):
            name = range(name.start, place + 1)
        elif place and flag & CAPITAL and not same_word:
            name = range(place, place + 1)
        found = max(found, name, key=len)
    return found


def join_before(flags: torch.Tensor) -> torch.Tensor:
    """How each token follows the one before it.

    A word is of a name where it is capitalised and doesn't begin a sentence, and a number is where it stands behind
    such a word. Capitals count from the first word on that has other letters. What follows such a word may also be
    linked to it by a preposition, with an article or without.

    Args:
        flags: uint8 (..., S), of the tokens of a text, none left out.

    Returns:
        int64 (..., S): :data:`APART`, :data:`SAME_WORD`, :data:`SAME_NAME` or :data:`LINKED`.
    """
    same_word = ((flags & GOES_ON) > 0) & ((_moved(flags) & OPEN) > 0)
    spaced = (_moved(flags) & (SPACE | STOP)) == SPACE

    def before(values: torch.Tensor, start: int = 0) -> torch.Tensor:
        # What the last token of the word before has.
        return torch.where(spaced, _moved(values, 2, start), _moved(values, 1, start))

    places = torch.arange(flags.shape[-1], device=flags.device)
    word = torch.where(same_word, 0, places).cummax(dim=-1).values
    # Of the word that each token belongs to: is it capitalised, a number, the first of its sentence?
    contrast = _tells_case(flags).int().cummax(dim=-1).values > 0
    capital = (((flags & CAPITAL) > 0) & contrast).gather(-1, word)
    number = ((flags & LOUD) == DIGIT).gather(-1, word)
    begins = ((before(flags, STOP) & STOP) > 0).gather(-1, word)
    counted = number & before(capital).gather(-1, word)
    named = capital & ~begins | counted
    same_name = (capital | number) & before(named)
    link, article = (((flags & flag) > 0) & ~same_word for flag in (LINK, ARTICLE))
    link = link & before(named)
    linked = capital & before(link | article & before(link))
    kinds = torch.where(same_name, SAME_NAME, torch.where(linked, LINKED, APART))
    return torch.where(same_word, SAME_WORD, kinds)


def join_behind(flags: torch.Tensor, follows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """How each token is followed.

    Args:
        flags: uint8 (..., S).
        follows: what :func:`join_before` says of them.

    Returns:
        int64 (..., S), what :func:`join_before` says of the next token that is more than a space, :data:`APART` without
        one; and bool (..., S), whether a token that is nothing but a space lies between.
    """
    spaced = _moved(flags & (SPACE | STOP), -1) == SPACE
    return torch.where(spaced, _moved(follows, -2, APART), _moved(follows, -1, APART)), spaced


def whole_names(spans: Sequence[tuple[Sequence[int], int, int]], flags: torch.Tensor) -> torch.Tensor:
    """Whether a name begins and ends where stretches of texts do, bool (n, 2).

    Args:
        spans: of each text its token ids, the stretch's first token and the one behind its last.
        flags: uint8 (V,), of the vocabulary; (0,) where it has none: every name is whole then.
    """
    if not len(flags):
        return torch.ones(len(spans), 2, dtype=torch.bool)
    lengths = [len(tokens) for tokens, _, _ in spans]
    shown = flags[torch.tensor([token for tokens, _, _ in spans for token in tokens])]
    # One column more, so that nothing stands behind the end of the longest.
    padded = torch.nn.functional.pad(pad_sequence(list(torch.split(shown, lengths)), batch_first=True), (0, 1))
    ends = torch.tensor([[first, last] for _, first, last in spans])
    return join_before(padded).gather(1, ends) == APART


def _moved(values: torch.Tensor, by: int = 1, start: int = 0) -> torch.Tensor:
    """Each position has what stood ``by`` before it; where nothing did it has ``start``."""
    width = values.shape[-1]
    by = max(-width, min(by, width))
    return torch.nn.functional.pad(values, (by, -by), value=start)
