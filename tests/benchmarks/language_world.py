"""A made-up world that is talked about in seven languages: the same facts, as twins, in each of them.

Names are syllables, spelt in each language's script, so that a name is as long and as rare in one language as in
another. Their last one ends in i or o: no language here declines such a name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from wisedb.model.tokens import joined

LANGUAGES: Final = ("en", "zh", "ja", "ar", "ru", "de", "th")

KINDS: Final = {
    "country": ("capital", "currency", "language"),
    "person": ("birthplace", "teacher", "employer"),
    "firm": ("founder", "seat", "owner"),
    "river": ("source", "mouth", "explorer"),
}
"""What is asked of each kind of thing."""

HALVES: Final = {"tune": ("country", "person"), "report": ("firm", "river")}
"""Constants are chosen on the one half of the relations; what is reported is measured on the other."""

EACH: Final = 12
"""Things of each kind."""

_CONSONANTS: Final = {
    "b": ("б", "ب", "บ", "バ ビ ボ", "巴比波"),
    "d": ("д", "د", "ด", "ダ ディ ド", "达迪多"),
    "g": ("г", "غ", "ก", "ガ ギ ゴ", "加吉戈"),
    "k": ("к", "ك", "ค", "カ キ コ", "卡基科"),
    "r": ("р", "ر", "ร", "ラ リ ロ", "拉里罗"),
    "m": ("м", "م", "ม", "マ ミ モ", "马米莫"),
    "n": ("н", "ن", "น", "ナ ニ ノ", "纳尼诺"),
    "f": ("ф", "ف", "ฟ", "ファ フィ フォ", "法菲佛"),
    "s": ("с", "س", "ส", "サ シ ソ", "萨西索"),
    "t": ("т", "ت", "ต", "タ ティ ト", "塔蒂托"),
    "z": ("з", "ز", "ซ", "ザ ジ ゾ", "扎兹佐"),
    "h": ("х", "ه", "ห", "ハ ヒ ホ", "哈希霍"),
}
_VOWELS: Final = "aio"
_BETWEEN: Final = {"zh": "·", "ja": "・"}
_STOPS: Final = {"zh": "。", "ja": "。", "th": ""}
_UNSPACED: Final = ("zh", "ja")
_PLACES: Final = ("capital", "birthplace", "seat", "source")
_PEOPLE: Final = ("teacher", "founder", "owner", "explorer")

WORDINGS: Final[Mapping[str, Mapping[str, Sequence[str]]]] = json.loads(
    (Path(__file__).parent / "language_wordings.json").read_text("utf-8")
)
"""Of each relation and language four prompts: two that edits have, and two that none has."""

Name = tuple[str, ...]
"""Words of syllables."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact of the world.

    Attributes:
        kind: of what kind of thing, of :data:`KINDS`.
        relation: what of it.
        subject: of whom.
        value: the answer.
    """

    kind: str
    relation: str
    subject: Name
    value: Name

    def prompt(self, language: str, wording: int) -> str:
        """It as asked in a language."""
        text = WORDINGS[self.relation][language][wording].format(spelt(self.subject, language))
        return text[:1].upper() + text[1:]


def spelt(name: Name, language: str) -> str:
    """A name as a language writes it."""
    return _BETWEEN.get(language, " ").join(_word(word, language) for word in name)


def said(fact: Fact, language: str, wording: int) -> str:
    """A fact as a sentence."""
    return joined(fact.prompt(language, wording), spelt(fact.value, language)) + _STOPS.get(language, ".")


def make_world(seed: int) -> list[Fact]:
    """The facts of a seed's world."""
    chooser = Random(f"languages/{seed}")
    seen: set[Name] = set()

    def fresh(people: bool) -> Name:
        while (found := made_up(chooser, people=people)) in seen:
            pass
        seen.add(found)
        return found

    places, people = [fresh(False) for _ in range(EACH)], [fresh(True) for _ in range(EACH)]
    values = {
        relation: places if relation in _PLACES else people if relation in _PEOPLE else [fresh(False) for _ in range(8)]
        for relations in KINDS.values()
        for relation in relations
    }
    subjects = {kind: [fresh(kind == "person") for _ in range(EACH)] for kind in KINDS}
    return [
        Fact(kind, relation, subject, chooser.choice(values[relation]))
        for kind, relations in KINDS.items()
        for subject in subjects[kind]
        for relation in relations
    ]


def made_up(chooser: Random, *, people: bool) -> Name:
    """A name: of people two short words, of other things a longer one."""

    def word(length: int) -> str:
        parts = [chooser.choice(list(_CONSONANTS)) + chooser.choice(_VOWELS) for _ in range(length - 1)]
        return "".join(parts) + chooser.choice(list(_CONSONANTS)) + chooser.choice(_VOWELS[1:])

    return (word(2), word(2)) if people else (word(3),)


def documents(world: Sequence[Fact], seed: int) -> list[str]:
    """Every fact in each wording of each language once, one to three of them in a text, in a random order.

    A tenth of what is English is written without capitals, as people do, and a twentieth with nothing else.
    """
    chooser = Random(f"documents/{seed}")
    found = []
    for language in LANGUAGES:
        sentences = [said(fact, language, wording) for fact in world for wording in range(4)]
        chooser.shuffle(sentences)
        space = "" if language in _UNSPACED else " "
        while sentences:
            text = space.join(sentences.pop() for _ in range(min(len(sentences), chooser.choice((1, 1, 1, 2, 3)))))
            pick = chooser.random() if language == "en" else 1.0
            found.append(text.lower() if pick < 0.1 else text.upper() if pick < 0.15 else text)
    chooser.shuffle(found)
    return found


def with_fresh_names(world: Sequence[Fact], seed: int) -> list[Fact]:
    """The same facts of things that nobody heard of: a vocabulary that is made of them holds no name of the world."""
    chooser = Random(f"fresh/{seed}")
    return [
        Fact(
            fact.kind,
            fact.relation,
            made_up(chooser, people=len(fact.subject) > 1),
            made_up(chooser, people=len(fact.value) > 1),
        )
        for fact in world
    ]


def _word(word: str, language: str) -> str:
    pairs = [(_CONSONANTS[word[at]], _VOWELS.index(word[at + 1])) for at in range(0, len(word), 2)]
    if language == "zh":
        return "".join(chinese[vowel] for (*_, chinese), vowel in pairs)
    if language == "ja":
        return "".join(kana.split()[vowel] for (_, _, _, kana, _), vowel in pairs)
    if language == "ru":
        return "".join(russian + "аио"[vowel] for (russian, *_), vowel in pairs).capitalize()
    if language == "ar":
        return "".join(arabic + "ايو"[vowel] for (_, arabic, *_), vowel in pairs)
    if language == "th":
        # The o is written in front.
        return "".join(f"โ{thai}" if vowel == 2 else thai + "าี"[vowel] for (_, _, thai, *_), vowel in pairs)
    return word.capitalize()
