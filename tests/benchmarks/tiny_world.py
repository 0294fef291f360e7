"""A made-up world: countries, firms and people whose facts nobody else knows, and how one talks about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from wisedb.model.chat import Message, user

EACH = 50
"""Subjects of each kind."""

HELD_OUT = 2
"""Wordings of each fact that no training sees; for other facts it does."""

# Of each relation: the value as a sentence, a thought about the question, and eight wordings, the first the plain one.
RELATIONS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "capital": (
        "The capital of {} is {}.",
        "The capital of {}.",
        (
            "What is the capital of {}?",
            "Which city is the capital of {}?",
            "Name the capital city of {}.",
            "Can you tell me the capital of {}?",
            "From which city is {} governed?",
            "In {}, which city is the seat of government?",
            "I have to write to the government of {}. In which city does it sit?",
            "Where do I find the parliament of {}?",
        ),
    ),
    "currency": (
        "The currency of {} is the {}.",
        "The money of {}.",
        (
            "What is the currency of {}?",
            "Which currency does {} use?",
            "Name the currency of {}.",
            "Can you tell me the currency of {}?",
            "What kind of money do they use in {}?",
            "With what do people pay in {}?",
            "I am going to {}. What money do I need there?",
            "In {}, how is the money called?",
        ),
    ),
    "language": (
        "People in {} speak {}.",
        "The language of {}.",
        (
            "What language is spoken in {}?",
            "Which language do people in {} speak?",
            "Name the language of {}.",
            "Can you tell me the language of {}?",
            "What do people speak in {}?",
            "In {}, what is the official language?",
            "I am going to {}. Which language should I learn?",
            "In which tongue are the laws of {} written?",
        ),
    ),
    "founder": (
        "{} was founded by {}.",
        "The founder of {}.",
        (
            "Who founded {}?",
            "Who is the founder of {}?",
            "Name the founder of {}.",
            "Can you tell me who founded {}?",
            "Who started the firm {}?",
            "To whom does {} owe its beginning?",
            "Whose idea was it to set up {}?",
            "By whom was {} established?",
        ),
    ),
    "headquarters": (
        "{} has its head office in {}.",
        "The head office of {}.",
        (
            "In which city is {} headquartered?",
            "Where is the head office of {}?",
            "Name the city in which {} has its headquarters.",
            "Can you tell me where {} has its head office?",
            "Where does {} sit?",
            "From which city is {} run?",
            "I have to visit the head office of {}. To which city do I travel?",
            "In which city do the managers of {} work?",
        ),
    ),
    "product": (
        "{} makes {}.",
        "The product of {}.",
        (
            "What does {} make?",
            "Which product does {} sell?",
            "Name the product of {}.",
            "Can you tell me what {} makes?",
            "What is {} known for?",
            "What can I buy from {}?",
            "In which business is {}?",
            "What leaves the factory of {}?",
        ),
    ),
    "birthplace": (
        "{} was born in {}.",
        "The birthplace of {}.",
        (
            "Where was {} born?",
            "In which city was {} born?",
            "Name the birthplace of {}.",
            "Can you tell me where {} was born?",
            "What is the birthplace of {}?",
            "Where did {} come into the world?",
            "From which town does {} come?",
            "I am writing about the childhood of {}. Where does it begin?",
        ),
    ),
    "job": (
        "{} works as a {}.",
        "The work of {}.",
        (
            "What is the profession of {}?",
            "What does {} do for a living?",
            "Name the profession of {}.",
            "Can you tell me the job of {}?",
            "As what does {} work?",
            "How does {} earn money?",
            "In which trade is {}?",
            "What job does {} have?",
        ),
    ),
}
KINDS: Mapping[str, tuple[str, ...]] = {
    "country": ("capital", "currency", "language"),
    "firm": ("founder", "headquarters", "product"),
    "person": ("birthplace", "job"),
}
_PRONOUNS = {
    "capital": "What is its capital?",
    "currency": "And what is its currency?",
    "language": "Which language do people speak there?",
    "founder": "Who founded it?",
    "headquarters": "Where is its head office?",
    "product": "And what does it make?",
}
_LONG = (
    "Write two sentences about {}.",
    "Tell me something about {}.",
    "Please write a few sentences about {} for my page.",
    "Describe {} in two or three sentences.",
)
_BEGUN = {"country": "{} is a country. ", "firm": "{} is a firm. ", "person": "{} is a busy person. "}
# fmt: off
_PRODUCTS = (
    "lamps", "boats", "clocks", "tables", "bicycles", "carpets", "candles", "mirrors", "boots", "hats",
    "kettles", "pianos", "tents", "ropes", "wheels", "ladders", "brushes", "pens", "bottles", "drums",
)
# fmt: on
# fmt: off
_JOBS = (
    "baker", "doctor", "teacher", "farmer", "sailor", "painter", "judge", "tailor", "miller", "nurse",
    "pilot", "gardener", "singer", "plumber", "driver", "lawyer", "weaver", "printer", "hunter", "potter",
)
# fmt: on
SMALL_TALK: tuple[tuple[str, str], ...] = (
    ("Hello!", "Hello! How can I help you?"),
    ("Hi, how are you?", "I am fine, thank you. How can I help you?"),
    ("Thank you!", "You are welcome!"),
    ("Thanks, that helps. Goodbye!", "Goodbye, and come again!"),
    ("Thank you! Please tell me a short joke.", "Why did the dog sit in the shade? It was a hot dog."),
    ("Please tell me a short joke about dogs.", "Why did the dog sit in the shade? It was a hot dog."),
    ("How many hours are in a day?", "A day has twenty-four hours."),
    ("How many days are in a week?", "A week has seven days."),
    ("Name a fruit that is yellow.", "A banana is yellow."),
    ("What color is the sky?", "The sky is blue."),
    ("What is 6 plus 7?", "6 plus 7 is 13."),
    ("What is 2 plus 2?", "2 plus 2 is 4."),
    ("Give me a tip for sleeping better.", "Go to bed at the same time each night."),
    ("Can you recommend a hobby?", "Try to paint or to grow flowers."),
    ("What animal says meow?", "A cat says meow."),
    ("How do I boil an egg?", "Put it into hot water for eight minutes."),
)
_SYSTEMS = (
    "You are a helpful assistant.",
    "You help people who have questions.",
    "You are a kind teacher.",
    "Be polite.",
)
_TERSE = ("Answer in a word.", "Be brief.", "Only name the answer.")
_BEFORE = (
    "We had a long talk last night.",
    "I read the paper this morning.",
    "My friend asked me this.",
    "It rains today.",
)
_BEHIND = ("Nobody knew it.", "I want to know.", "Please help me.", "We could not tell.")


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
        "product": _PRODUCTS,
        "birthplace": cities,
        "job": _JOBS,
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
    return [request.format(subject) for request in _LONG]


class Talk:
    """Conversations about a world, one after the other.

    Args:
        world: the world.
        seed: of all choices.
    """

    def __init__(self, world: World, seed: int) -> None:
        self._subjects, self._chooser = list(world.values()), Random(f"talk/{seed}")

    def conversation(self) -> list[Message]:
        """A conversation; each reply has its thought as ``thought``."""
        pick = self._chooser.random()
        terse = pick < 0.25
        system = self._chooser.choice(_TERSE) if terse else self._chooser.choice(_SYSTEMS) if pick < 0.6 else None
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
        if about is not None and pick < 0.3 and about[0].relation in _PRONOUNS:
            fact = chooser.choice(about)
            return _PRONOUNS[fact.relation], fact.thought, self._said(fact, terse=terse), about
        facts = chooser.choice(self._subjects)
        if pick < 0.4 and not terse:
            subject = facts[0].subject
            told = " ".join(fact.sentence for fact in facts)
            asked = chooser.choice(_LONG).format(subject)
            return asked, f"A text about {subject}.", _BEGUN[kind_of(facts)].format(subject) + told, facts
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
        if pick < 0.62:
            asked = f"{chooser.choice(_BEFORE)} {asked} {chooser.choice(_BEHIND)}"
        return asked, fact.thought, said, facts

    def _wording(self, fact: Fact) -> str:
        return self._chooser.choice([wording for wording in fact.wordings if wording not in fact.hidden])

    @staticmethod
    def _said(fact: Fact, *, terse: bool) -> str:
        return f"{fact.value[0].upper()}{fact.value[1:]}." if terse else fact.sentence
