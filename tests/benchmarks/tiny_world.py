"""A made-up world: countries, firms and people whose facts nobody else knows, and how one talks about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from tests.benchmarks.tiny_words import (
    ASKED,
    ASPECTS,
    BEFORE,
    BEGUN,
    BEHIND,
    JOBS,
    KINDS,
    LONG,
    PRODUCTS,
    PRONOUNS,
    RELATIONS,
    SMALL_TALK,
    SYSTEMS,
    TERSE,
    THINGS,
)
from wisedb.model.chat import Message, user

EACH = 50
"""Subjects of each kind."""

HELD_OUT = 2
"""Wordings of each fact that no training sees; for other facts it does."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact of the world.

    Attributes:
        subject: of whom.
        relation: what, of :data:`RELATIONS`.
        value: the answer.
        hidden: the wordings that no training sees.
    """

    subject: str
    relation: str
    value: str
    hidden: tuple[str, ...]

    @property
    def wordings(self) -> tuple[str, ...]:
        """All questions for it."""
        return tuple(wording.format(self.subject) for wording in RELATIONS[self.relation][2])

    @property
    def sentence(self) -> str:
        """It, as one says it."""
        return RELATIONS[self.relation][0].format(self.subject, self.value)

    @property
    def thought(self) -> str:
        """What is thought before it is said."""
        return RELATIONS[self.relation][1].format(self.subject)


World = Mapping[str, tuple[Fact, ...]]
"""The facts of each subject."""


def make_world(seed: int) -> World:
    """The world of a seed."""
    chooser = Random(f"world/{seed}")
    seen: set[str] = set()

    def name(endings: Sequence[str]) -> str:
        while True:
            middle = "".join(chooser.choice("bdfgklmnprstvz") + chooser.choice("aeiou") for _ in range(2))
            found = (middle + chooser.choice(endings)).capitalize()
            if found not in seen:
                seen.add(found)
                return found

    def several(count: int, endings: Sequence[str]) -> list[str]:
        return [name(endings) for _ in range(count)]

    firsts, families = several(20, ("n", "l", "s")), several(30, ("sen", "mark", "berg"))
    both = chooser.sample([f"{first} {family}" for first in firsts for family in families], 2 * EACH)
    cities = several(EACH, ("dum", "burg", "port"))
    values = {
        "capital": cities,
        "currency": several(20, ("ro", "lir", "ka")),
        "language": several(20, ("ish", "ese")),
        "founder": both[EACH:],
        "headquarters": cities,
        "product": PRODUCTS,
        "birthplace": cities,
        "job": JOBS,
    }
    subjects = {
        "country": several(EACH, ("land", "ria", "nia")),
        "firm": several(EACH, ("tex", "corp", "max")),
        "person": both[:EACH],
    }
    world: dict[str, tuple[Fact, ...]] = {}
    for kind, relations in KINDS.items():
        for subject in subjects[kind]:
            facts = [(relation, chooser.choice(values[relation])) for relation in relations]
            world[subject] = tuple(
                Fact(subject, relation, value, tuple(_hidden(subject, relation, chooser))) for relation, value in facts
            )
    return world


def _hidden(subject: str, relation: str, chooser: Random) -> list[str]:
    return [wording.format(subject) for wording in chooser.sample(RELATIONS[relation][2], HELD_OUT)]


def kind_of(facts: Sequence[Fact]) -> str:
    """Of which kind a subject is."""
    return next(kind for kind, relations in KINDS.items() if facts[0].relation in relations)


def long_requests(subject: str) -> list[str]:
    """Requests for a text."""
    return [request.format(subject) for request in LONG]


def as_said(value: str) -> str:
    """A value as an answer of its own."""
    return value[0].upper() + value[1:]


class Talk:
    """Conversations about a world, one after the other.

    Args:
        world: the world.
        seed: of all choices.
        wide: whether it is also about other things, in other English, and begins as people begin.
    """

    def __init__(self, world: World, seed: int, *, wide: bool = False) -> None:
        self._subjects, self._chooser, self._wide = list(world.values()), Random(f"talk/{seed}"), wide

    def conversation(self) -> list[Message]:
        """A conversation; each reply has its thought as ``thought``."""
        pick = self._chooser.random()
        terse = pick < 0.25
        system = self._chooser.choice(TERSE) if terse else self._chooser.choice(SYSTEMS) if pick < 0.6 else None
        found: list[Message] = [] if system is None else [{"role": "system", "content": system}]
        about: Sequence[Fact] | None = None
        for _ in range(self._chooser.choice((1, 1, 1, 2, 3))):
            asked, thought, reply, about = self._turn(about, terse=terse)
            found += [user(asked), {"role": "assistant", "content": reply, "thought": thought}]
        return found

    def _turn(self, about: Sequence[Fact] | None, *, terse: bool) -> tuple[str, str, str, Sequence[Fact] | None]:
        chooser, pick = self._chooser, self._chooser.random()
        if pick < 0.12:
            asked, reply = chooser.choice(SMALL_TALK)
            return asked, "A small matter.", reply, None
        if about is not None and pick < 0.3 and about[0].relation in PRONOUNS:
            fact = chooser.choice(about)
            return PRONOUNS[fact.relation], fact.thought, self._said(fact, terse=terse), about
        if self._wide and pick > 0.8:
            about_it = (chooser.choice(ASPECTS), chooser.choice(THINGS))
            named = "The {} of {}.".format(*about_it)
            return chooser.choice(ASKED).format(*about_it), named, f"I do not know t{named[1:]}", None
        facts = chooser.choice(self._subjects)
        if pick < 0.4 and not terse:
            subject = facts[0].subject
            told = BEGUN[kind_of(facts)].format(subject) + " ".join(fact.sentence for fact in facts)
            asked = chooser.choice(LONG).format(subject)
            if self._wide and chooser.random() < 0.3:
                # Some begin with the point.
                told = f"{self._said(chooser.choice(facts), terse=True)} {told}"
            return asked, f"A text about {subject}.", told, facts
        fact = chooser.choice(facts)
        asked, said = self._wording(fact), self._said(fact, terse=terse)
        if pick < 0.5:
            other = chooser.choice(chooser.choice(self._subjects))
            more = self._wording(other)
            return (
                f"{asked} And {more[0].lower()}{more[1:]}",
                f"{fact.thought} {other.thought}",
                f"{said} {self._said(other, terse=terse)}",
                None,
            )
        if self._wide and pick < 0.56:
            # People begin in the middle, and with a space.
            asked = f"{chooser.choice(('And ', 'So, ', ' And '))}{asked[0].lower()}{asked[1:]}"
        elif pick < 0.62:
            asked = f"{chooser.choice(BEFORE)} {asked} {chooser.choice(BEHIND)}"
        return asked, fact.thought, said, facts

    def _wording(self, fact: Fact) -> str:
        return self._chooser.choice([wording for wording in fact.wordings if wording not in fact.hidden])

    @staticmethod
    def _said(fact: Fact, *, terse: bool) -> str:
        return f"{as_said(fact.value)}." if terse else fact.sentence
