"""How a subject is spelt: as tokens of its prompt, at other places of a sentence, and as people type it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wisedb.model.tokens import encode_prompt

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CARRIERS = ("{}", "The {}")
"""A word is often spelt with other tokens at the beginning of a text than behind a space."""

# Letters of a token, on average, from which on a text is legible. Set by hand.
_LETTERS = 2


def moved(spelt: tuple[list[int], int, int], message: list[int]) -> tuple[list[int], int, int]:
    """A prompt and where its subject stands, as it is written in a message: without special tokens around it."""
    ids, first, last = spelt
    for offset in range(len(ids) - len(message) + 1):
        if ids[offset : offset + len(message)] == message:
            return (message, first - offset, last - offset) if first >= offset and last else (message, 0, 0)
    return (message, 0, 0) if message else spelt


def subject_span(tokenizer: PreTrainedTokenizerBase, text: str, ids: Sequence[int], subject: str) -> tuple[int, int]:
    """Where the subject stands among the text's token ids: its first token and the one behind its last.

    A token that holds part of the subject and part of what is around it counts as the subject's. (0, 0) if the text
    doesn't have the subject, whatever its case.
    """
    start = text.find(subject)
    if start < 0 and len(text.lower()) == len(text) and len(subject.lower()) == len(subject):
        start = text.lower().find(subject.lower())
    if start < 0 or not subject.strip():
        return 0, 0
    end = start + len(subject)
    if not getattr(tokenizer, "is_fast", False):
        before, upto = encode_prompt(tokenizer, text[:start].rstrip()), encode_prompt(tokenizer, text[:end])
        return _shared(before, ids), max(_shared(upto, ids), min(len(ids), _shared(before, ids) + 1))
    places = tokenizer(text, add_special_tokens=True, return_offsets_mapping=True)["offset_mapping"][: len(ids)]
    inside = [number for number, (a, b) in enumerate(places) if b > a and b > start and a < end]
    return (inside[0], inside[-1] + 1) if inside else (0, 0)


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def spellings_of(
    tokenizer: PreTrainedTokenizerBase, prompt: str, ids: list[int], subject: str | None
) -> list[tuple[list[int], int, int]]:
    """(tokens, first, behind the last) of the whole prompt, then of each other way to spell the subject."""
    if subject is None or not subject.strip():
        return [(ids, 0, 0)]
    first, last = subject_span(tokenizer, prompt, ids, subject)
    found = {tuple(ids[first:last])} if last else set[tuple[int, ...]]()
    spellings = [(ids, first, last)]
    for carrier in CARRIERS:
        text = carrier.format(subject.strip())
        carried = encode_prompt(tokenizer, text)
        start, end = subject_span(tokenizer, text, carried, subject.strip())
        spelt = carried[start:end]
        if spelt and tuple(spelt) not in found:
            found.add(tuple(spelt))
            spellings.append((spelt, 0, len(spelt)))
    return spellings


def legible(text: str, tokens: int) -> bool:
    """Whether so many tokens still show how a text is spelt: letter by letter any other text has them too.

    Keys look for tokens wherever they stand, in whatever order.
    """
    return len(text) >= _LETTERS * tokens


def typed_spellings(
    tokenizer: PreTrainedTokenizerBase, subject: str | None, known: Sequence[tuple[list[int], int, int]]
) -> list[tuple[list[int], int, int]]:
    """Further ways in which people type a subject into a chat: without capitals, and with nothing else."""
    if subject is None or not subject.strip():
        return []
    spelt = {tuple(tokens[first:last]) for tokens, first, last in known}
    found = []
    for name in dict.fromkeys((subject.strip().lower(), subject.strip().upper())):
        for tokens, first, last in spellings_of(tokenizer, name, encode_prompt(tokenizer, name), name):
            if last and tuple(tokens[first:last]) not in spelt:
                spelt.add(tuple(tokens[first:last]))
                found.append((tokens[first:last], 0, last - first))
    return found
