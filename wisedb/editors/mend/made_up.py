"""Made-up edits, on which the editor network is trained: the model's own sentences, their last words altered.

The paper trains on the questions of a data set with other answers, or on passages with another model's continuation
(Mitchell et al. 2022, §4). Here no data are needed: the model writes sentences, an edit's prompt is one without its
last words, and its answer is the end of another. The same edit in other words (x'_e) is, as for the paper's passages,
the prompt without its first words; or it stands behind another sentence; or, best, it is another sentence of the model
that says the same of the same thing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from wisedb.editors.common.own_texts import own_texts
from wisedb.editors.common.seeds import seed_of
from wisedb.edits import normalise_prompt
from wisedb.model.tokens import joined
from wisedb.model.words import pieces

if TYPE_CHECKING:
    from wisedb.editors.common.pool import Pool
    from wisedb.model.base import LoadedBase

_ENDS = " .,;:!?\"'»”。，、；：！？"
# Words of an answer, at most, and of a prompt, at least.
_ANSWER, _PROMPT = 3, 3
# A word in no more texts than one in so many says what a text is about.
_RARE = 300


@dataclass(frozen=True, slots=True)
class MadeUp:
    """An edit that nobody wants.

    Attributes:
        prompt: x_e.
        target: y_e.
        alike: x'_e, one or more.
        unrelated: x_loc, another of the model's texts.
    """

    prompt: str
    target: str
    alike: tuple[str, ...]
    unrelated: str


def sentences(base: LoadedBase, pool: Pool, count: int, seed: int) -> list[str]:
    """What a model writes by itself, see :func:`wisedb.editors.common.own_texts.own_texts`; each text once."""
    texts = own_texts(base.model, base.tokenizer, pool, count, seed)
    said = (str(base.tokenizer.decode(ids[start:], skip_special_tokens=True)) for ids, start in texts)
    return list(dict.fromkeys(" ".join(text.split()) for text in said if text.strip()))


def made_up_edits(texts: Sequence[str], contexts: Sequence[str], count: int, seed: int) -> list[MadeUp]:
    """``count`` edits; none where no text is long enough to be cut, or fewer than two are.

    Args:
        texts: the model's own.
        contexts: sentences that may stand before a prompt.
        count: how many; texts are cut again, otherwise, where they are fewer.
        seed: of every choice.
    """
    chooser = Random(seed_of(seed, "made-up edits"))
    long = [words for text in texts if len(words := pieces(text)) > _PROMPT]
    if len(long) < 2:
        return []
    same = _same_elsewhere(long)
    cuts: dict[int, list[int]] = defaultdict(list)
    for place, cut in same:
        cuts[place].append(cut)
    made: list[MadeUp] = []
    while len(made) < count:
        for place in chooser.sample(range(len(long)), len(long)):
            other = chooser.randrange(len(long))
            cut, elsewhere = (_cut(long[where], cuts.get(where, ()), chooser) for where in (place, other))
            prompt, truth = _parted(long[place], cut)
            _, target = _parted(long[other], elsewhere)
            if not truth or not target or normalise_prompt(target) == normalise_prompt(truth):
                continue
            alike = same.get((place, cut)) or [_in_other_words(long[place][:-cut], contexts, chooser)]
            unrelated = "".join(long[chooser.randrange(len(long))])
            made.append(MadeUp(prompt, target, tuple(chooser.sample(alike, 1)), unrelated))
            if len(made) == count:
                break
    return made


def prompts_of(texts: Sequence[str], made: Sequence[MadeUp]) -> list[str]:
    """Every prompt that training sees: of each text all beginnings, since a divergence looks at each token."""
    found: dict[str, None] = {}
    for text in texts:
        words = pieces(text)
        found.update(dict.fromkeys("".join(words[:length]) for length in range(1, len(words) + 1)))
    found.update(dict.fromkeys(text for each in made for text in (each.prompt, *each.alike)))
    return list(found)


def _cut(words: Sequence[str], known: Sequence[int], chooser: Random) -> int:
    # Where two texts of the model end alike, what they have in common is an answer.
    return chooser.choice(known) if known else chooser.randint(1, min(_ANSWER, len(words) - _PROMPT))


def _parted(words: Sequence[str], cut: int) -> tuple[str, str]:
    return "".join(words[:-cut]).rstrip(), "".join(words[-cut:]).rstrip(_ENDS).lstrip()


def _in_other_words(words: Sequence[str], contexts: Sequence[str], chooser: Random) -> str:
    prompt = "".join(words).strip()
    if contexts and chooser.random() < 0.5:
        return joined(chooser.choice(contexts), prompt)
    # As the paper does with passages: without some of the first half of its words.
    return "".join(words[chooser.randint(0, len(words) // 2) :]).strip()


def _same_elsewhere(texts: Sequence[Sequence[str]]) -> dict[tuple[int, int], list[str]]:
    """For each text and cut the other texts' prompts with the same answer that share a rare word with it."""
    known = Counter(word for words in texts for word in {_bare(word) for word in words})
    most = max(2, len(texts) // _RARE)
    groups: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for place, words in enumerate(texts):
        for cut in range(1, min(_ANSWER, len(words) - _PROMPT) + 1):
            answer = normalise_prompt(_parted(words, cut)[1])
            for word in {_bare(word) for word in words[:-cut]}:
                if word and answer and known[word] <= most:
                    groups[answer, word].append((place, cut))
    found: dict[tuple[int, int], dict[str, None]] = defaultdict(dict)
    for group in groups.values():
        for place, cut in group:
            own = normalise_prompt(_parted(texts[place], cut)[0])
            others = (_parted(texts[other], length)[0] for other, length in group if other != place)
            found[place, cut].update(dict.fromkeys(text for text in others if normalise_prompt(text) != own))
    return {key: list(prompts) for key, prompts in found.items() if prompts}


def _bare(word: str) -> str:
    return word.strip(_ENDS).casefold()
