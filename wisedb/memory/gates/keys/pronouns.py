"""Questions whose subject was named before: "And its currency?", "Who runs it now?".

Only in English, and only where a word stands for the subject: a question that leaves it out is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import torch

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_NOUNS: Final = ("it", "they", "them", "he", "him", "she", "there")
_OWNERS: Final = ("its", "their", "his", "her")


class Pronouns(NamedTuple):
    """The words that stand for a subject.

    Attributes:
        tokens: token ids, and whether each says whose something is.
        owner: the token ids that make a name into such a word ("'s").
    """

    tokens: Mapping[int, bool]
    owner: Sequence[int]

    def in_place(self, sentence: Sequence[int], subject: Sequence[int]) -> list[int] | None:
        """A sentence with the subject in the place of its first pronoun; None where it has none."""
        for place, token in enumerate(sentence):
            if token in self.tokens:
                ending = self.owner if self.tokens[token] else ()
                return [*sentence[:place], *subject, *ending, *sentence[place + 1 :]]
        return None


def pronoun_tokens(tokenizer: PreTrainedTokenizerBase) -> torch.Tensor:
    """int32 (p, 2): token ids, each with 0 for a noun's pronoun, 1 for an owner's and 2 for a token of "'s"."""
    rows = {}
    for kind, words in enumerate((_NOUNS, _OWNERS)):
        for word in words:
            for text, before in ((word.capitalize(), ""), (f"a {word}", "a")):
                ids = _behind(tokenizer, text, before)
                if len(ids) == 1:
                    rows[ids[0]] = kind
    endings = [(token, 2) for token in _behind(tokenizer, "a's", "a")]
    return torch.tensor([*rows.items(), *endings], dtype=torch.int32).reshape(-1, 2)


def pronouns_of(tokens: torch.Tensor) -> Pronouns:
    """What :func:`pronoun_tokens` gave."""
    rows = tokens.tolist()
    found = {token: bool(kind) for token, kind in rows if kind < 2}
    return Pronouns(found, [token for token, kind in rows if kind == 2])


def _behind(tokenizer: PreTrainedTokenizerBase, text: str, before: str) -> list[int]:
    # The token ids of a text behind its beginning; none where the beginning is written otherwise there.
    first, ids = (list(tokenizer(part, add_special_tokens=False)["input_ids"]) for part in (before, text))
    return ids[len(first) :] if ids[: len(first)] == first else []
