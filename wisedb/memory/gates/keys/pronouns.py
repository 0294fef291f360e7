"""Questions that rest on what was said before: "Who runs it now?" of its subject, "And of France?" of what it asks.

Only in English, and only where a word stands for the subject, or nothing but a name is left of the question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import torch

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_NOUNS: Final = ("it", "they", "them", "he", "him", "she", "there")
_OWNERS: Final = ("its", "their", "his", "her")
# What stands around a name that takes the place of another one.
_FILLERS: Final = ("and", "or", "what", "how", "about", "of", "for", "in", "from", "by", "with", "the", "then")
_JOINERS: Final = (" and", " or", ",")
_LEADS: Final = (":", " :")
_OWNER, _ENDING, _FILLER, _JOINER, _LEAD = 1, 2, 3, 4, 5


class Pronouns(NamedTuple):
    """The words that stand for a subject.

    Attributes:
        tokens: token ids, and whether each says whose something is.
        owner: the token ids that make a name into such a word ("'s").
        fillers: those of words that ask nothing by themselves.
        joiners: those between two clauses of a sentence.
        leads: those behind what is to be done with the question that follows ("Translate to French: …").
    """

    tokens: Mapping[int, bool]
    owner: Sequence[int]
    fillers: frozenset[int] = frozenset()
    joiners: frozenset[int] = frozenset()
    leads: frozenset[int] = frozenset()

    def clauses(self, sentence: Sequence[int]) -> list[range]:
        """The places of each clause of a sentence, without what joins them; no empty ones."""
        ends = [place for place, token in enumerate(sentence) if token in self.joiners]
        found = [range(a, b) for a, b in zip((0, *(end + 1 for end in ends)), (*ends, len(sentence)), strict=True)]
        return [clause for clause in found if clause]

    def in_place(self, sentence: Sequence[int], subject: Sequence[int]) -> list[int] | None:
        """A sentence with the subject in the place of its first pronoun; None where it has none."""
        for place, token in enumerate(sentence):
            if token in self.tokens:
                ending = self.owner if self.tokens[token] else ()
                return [*sentence[:place], *subject, *ending, *sentence[place + 1 :]]
        return None

    def only_names(self, sentence: Sequence[int], subject: Sequence[int]) -> bool:
        """Whether a sentence names a subject and asks nothing of it."""
        place = place_of(subject, sentence)
        if place is None:
            return False
        return self.fillers.issuperset([*sentence[:place], *sentence[place + len(subject) :]])


def place_of(some: Sequence[int], ids: Sequence[int]) -> int | None:
    """Where some tokens stand among others for the first time; None where they don't."""
    wanted = list(some)
    places = range(len(ids) - len(wanted) + 1) if wanted else range(0)
    return next((place for place in places if list(ids[place : place + len(wanted)]) == wanted), None)


def pronoun_tokens(tokenizer: PreTrainedTokenizerBase) -> torch.Tensor:
    """The words that matter, int32 (p, 2): token ids with their kind.

    That is 0 for a noun's pronoun, 1 for an owner's, 2 for a token of "'s", 3 for a filler, 4 for what joins clauses, 5
    for a colon; a token may have two.
    """
    rows = {}
    for kind, words in ((0, _NOUNS), (_OWNER, _OWNERS), (_FILLER, _FILLERS)):
        for word in words:
            for text, before in ((word.capitalize(), ""), (f"a {word}", "a")):
                ids = _behind(tokenizer, text, before)
                if len(ids) == 1:
                    rows[ids[0]] = kind
    endings = [(token, _ENDING) for token in _behind(tokenizer, "a's", "a")]
    signs = [
        (ids[0], kind)
        for kind, words in ((_JOINER, _JOINERS), (_LEAD, _LEADS))
        for word in words
        if len(ids := _behind(tokenizer, f"a{word}", "a")) == 1
    ]
    return torch.tensor([*rows.items(), *endings, *signs], dtype=torch.int32).reshape(-1, 2)


def pronouns_of(tokens: torch.Tensor) -> Pronouns:
    """What :func:`pronoun_tokens` gave."""
    rows = tokens.tolist()
    found = {token: kind == _OWNER for token, kind in rows if kind <= _OWNER}
    fillers, joiners, leads = (
        frozenset(token for token, kind in rows if kind == wanted) for wanted in (_FILLER, _JOINER, _LEAD)
    )
    return Pronouns(found, [token for token, kind in rows if kind == _ENDING], fillers, joiners, leads)


def _behind(tokenizer: PreTrainedTokenizerBase, text: str, before: str) -> list[int]:
    # The token ids of a text behind its beginning; none where the beginning is written otherwise there.
    first, ids = (list(tokenizer(part, add_special_tokens=False)["input_ids"]) for part in (before, text))
    return ids[len(first) :] if ids[: len(first)] == first else []
