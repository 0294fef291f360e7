"""What stands beside an edit: facts that no edit touches, and other subjects of which its question isn't asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from random import Random
from typing import Final, TypeVar

from wisedb.edits import Edit, normalise_prompt
from wisedb.serving.forms.wording import subject_in
from wisedb.serving.says import words_of

Item = TypeVar("Item")

Fact = tuple[str, str]
"""A question and its answer."""

# For edits that come with no locality prompts whose answers are known.
_FACTS: Final[tuple[Fact, ...]] = (
    ("How many days are there in a week?", "Seven"),
    ("What colour is a ripe banana?", "Yellow"),
    ("How many legs does a spider have?", "Eight"),
    ("What is frozen water called?", "Ice"),
    ("Which meal do people eat in the morning?", "Breakfast"),
    ("What do bees make?", "Honey"),
)
_NAMES: Final = ("Torvela", "Quendar", "Besmira Holt", "Halvick", "Old Marrentide", "Ysolen")
"""Names that nothing is called."""

# Words that are in questions of every kind.
_EMPTY: Final = frozenset(
    {"what", "which", "where", "when", "whom", "whose", "does", "have", "from", "with", "that", "this", "they"}
    | {"their", "there", "called", "name", "named", "known", "people", "answer", "question", "about", "into", "some"}
)
_SHORT = 4


@dataclass(frozen=True, slots=True)
class _Relation:
    """What an edit asks of its subject."""

    words: frozenset[str]
    tags: frozenset[str]

    def like(self, other: _Relation) -> bool:
        return not (self.words.isdisjoint(other.words) and self.tags.isdisjoint(other.tags))


class Others:
    """The edits that are in force or measured, seen from one of them.

    Args:
        edits: all of them.
        locality: whether their locality prompts count; not where training saw these.

    Attributes:
        taken: prompts and rephrases, normalised, that ask an edited fact.
    """

    def __init__(self, edits: Sequence[Edit], *, locality: bool = True) -> None:
        self._edits = tuple({edit.key: edit for edit in edits}.values())
        self._locality = locality
        self.taken = frozenset(normalise_prompt(text) for edit in edits for text in (edit.prompt, *edit.rephrases))
        counts = Counter(tag for edit in self._edits for tag in edit.tags)
        # A label that most edits have doesn't say what they ask.
        self._labels = frozenset(tag for tag, count in counts.items() if 2 * count <= len(self._edits))
        self._relations = {edit.key: self._relation(edit) for edit in self._edits}
        self._subjects: dict[tuple[str, ...], list[Edit]] = {}
        for edit in self._edits:
            if subject := subject_in(edit):
                self._subjects.setdefault(words_of(subject), []).append(edit)
        self._longest = max(map(len, self._subjects), default=0)
        self._facts = [(edit.key, fact) for edit in self._edits for fact in self._given(edit)]

    def facts(self, edit: Edit, chooser: Random, count: int = 1) -> list[Fact]:
        """Questions with their answers that have nothing to do with an edit, ``count`` at most, each once.

        They are locality prompts of other edits, or general ones where there aren't enough. None of their questions
        mentions a subject that is edited.
        """
        found: dict[str, Fact] = {}
        general = ((None, fact) for fact in chooser.sample(_FACTS, len(_FACTS)))
        for owner, fact in chain(_around(self._facts, chooser), general):
            if owner != edit.key and normalise_prompt(fact[0]) not in self.taken and not self._edited(fact[0], edit):
                found.setdefault(fact[0], fact)
            if len(found) == count:
                break
        return list(found.values())

    def locality(self, edit: Edit, chooser: Random) -> str | None:
        """One of the edit's own locality prompts."""
        prompts = [item.prompt for item in edit.locality if normalise_prompt(item.prompt) not in self.taken]
        return chooser.choice(prompts) if prompts and self._locality else None

    def subject(self, edit: Edit, chooser: Random) -> str | None:
        """The subject of another edit, of which no edit asks what this one does."""
        mine, own = self._relations[edit.key], subject_in(edit)
        for other in _around(self._edits, chooser):
            subject = subject_in(other)
            if subject is None or own is None or words_of(subject) == words_of(own):
                continue
            about = self._subjects[words_of(subject)]
            asked = normalise_prompt(edit.prompt.replace(own, subject))
            if asked not in self.taken and not any(mine.like(self._relations[each.key]) for each in about):
                return subject
        return None

    def question(self, edit: Edit, chooser: Random) -> str | None:
        """The question of another edit, asked of this one's subject, of which no edit asks it."""
        own = subject_in(edit)
        if own is None:
            return None
        about = self._subjects[words_of(own)]
        for other in _around(self._edits, chooser):
            subject = subject_in(other)
            if subject is None or words_of(subject) == words_of(own):
                continue
            asked = other.prompt.replace(subject, own)
            like = any(self._relations[other.key].like(self._relations[each.key]) for each in about)
            if not like and normalise_prompt(asked) not in self.taken:
                return asked
        return None

    @staticmethod
    def name(chooser: Random) -> str:
        """A name that nothing is called."""
        return chooser.choice(_NAMES)

    def _given(self, edit: Edit) -> Iterator[Fact]:
        if self._locality:
            yield from ((item.prompt, item.answer) for item in edit.locality if item.answer and item.answer.strip())

    def _relation(self, edit: Edit) -> _Relation:
        about = words_of(subject_in(edit) or "")
        words = {word for text in (edit.prompt, *edit.rephrases) for word in words_of(text)}
        kept = frozenset(word for word in words if len(word) >= _SHORT and word not in _EMPTY and word not in about)
        return _Relation(kept, self._labels.intersection(edit.tags))

    def _edited(self, text: str, edit: Edit) -> bool:
        """Whether a text mentions the subject of an edit."""
        words = words_of(text)
        own = words_of(subject_in(edit) or "")
        runs = (words[at : at + size] for size in range(1, self._longest + 1) for at in range(len(words) - size + 1))
        return any(run in self._subjects or run == own for run in runs)


def _around(items: Sequence[Item], chooser: Random) -> Iterator[Item]:
    """All of them once, from a random one on."""
    start = chooser.randrange(len(items)) if items else 0
    yield from items[start:]
    yield from items[:start]
