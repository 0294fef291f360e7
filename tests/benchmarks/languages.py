"""The same edits in seven languages: which questions lead to their own edit, and which must not and do.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.languages OUT --seeds 0,1,2

Of each seed there is a made-up world (:mod:`tests.benchmarks.language_world`) and a tiny model that knows it
(:mod:`tests.benchmarks.language_model`), trained where OUT has none. Sixteen of its facts are edited, in each language
in a store of its own, once with their subjects given and once without. The two halves of the relations share no fact
and no wording: ``tune`` is for choosing constants, ``report`` for figures.

An edit's own prompt and two wordings that no edit has must be answered by the edit. Two other facts of its subject in
two wordings each, its question about another thing in two wordings, and two questions about another kind of thing must
not. English is asked in small and in capital letters too. Right is what begins with the target.
"""

from __future__ import annotations

import json
import platform
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

import click

from tests.benchmarks.language_model import save_model
from tests.benchmarks.language_world import HALVES, KINDS, LANGUAGES, Fact, make_world, spelt
from wisedb.edits import Edit
from wisedb.repository import Repository

EDITS: Final = 16
_CASES: Final[Mapping[str, Callable[[str], str]]] = {
    "as written": str,
    "small letters": str.lower,
    "capitals": str.upper,
}


class Asked(NamedTuple):
    """A question.

    Attributes:
        group: what it is to show.
        prompt: it.
        target: the edit's target where the edit is to answer it, else None.
    """

    group: str
    prompt: str
    target: str | None


class Twin(NamedTuple):
    """A fact that is edited, in every language alike.

    Attributes:
        fact: what the model knows.
        target: another fact of the same relation, whose value is the new answer.
        wording: that of the edit's prompt.
    """

    fact: Fact
    target: Fact
    wording: int

    def edit(self, language: str, *, subject: bool) -> Edit:
        """It in a language."""
        name = spelt(self.fact.subject, language) if subject else None
        return Edit(self.fact.prompt(language, self.wording), spelt(self.target.value, language), subject=name)


def make_twins(world: Sequence[Fact], half: str, seed: int) -> list[Twin]:
    """What is edited: of each kind of the half some subjects, one fact each."""
    chooser = Random(f"twins/{half}/{seed}")
    found = []
    for kind in HALVES[half]:
        subjects = list(dict.fromkeys(fact.subject for fact in world if fact.kind == kind))
        for number, subject in enumerate(chooser.sample(subjects, EDITS // len(HALVES[half]))):
            relation = KINDS[kind][number % len(KINDS[kind])]
            (fact,) = (each for each in world if each.subject == subject and each.relation == relation)
            others = [each for each in world if each.relation == relation and each.value != fact.value]
            found.append(Twin(fact, chooser.choice(others), number // len(KINDS[kind]) % 2))
    return found


def questions(world: Sequence[Fact], twins: Sequence[Twin], language: str, seed: int) -> Iterator[Asked]:
    """All that is asked about some edits in a language; the same facts and wordings in each."""
    chooser = Random(f"questions/{seed}")
    edited = {twin.fact.subject for twin in twins}
    kinds = {twin.fact.kind for twin in twins}
    free = [fact for fact in world if fact.subject not in edited]
    for twin in twins:
        fact, target = twin.fact, spelt(twin.target.value, language)
        yield Asked("own prompt", fact.prompt(language, twin.wording), target)
        for wording in (2, 3):
            yield Asked("rephrase", fact.prompt(language, wording), target)
        for other in world:
            if other.subject == fact.subject and other.relation != fact.relation:
                for wording in (chooser.choice((0, 1)), chooser.choice((2, 3))):
                    yield Asked("another fact", other.prompt(language, wording), None)
        near = chooser.choice([other for other in free if other.relation == fact.relation])
        for wording in (twin.wording, chooser.choice((2, 3))):
            yield Asked("another subject", near.prompt(language, wording), None)
        for other in chooser.sample([other for other in free if other.kind not in kinds], 2):
            yield Asked("unrelated", other.prompt(language, chooser.randrange(4)), None)


def measure(folder: Path, world: Sequence[Fact], twins: Sequence[Twin], language: str, seed: int) -> dict[str, object]:
    """How many questions of each group a memory answers, and how many of them rightly, of all asked.

    Args:
        folder: a store without edits.
        world, twins: what there is, and what is edited.
        language: in which.
        seed: of the questions.
    """
    found: dict[str, object] = {}
    for given in (True, False):
        with tempfile.TemporaryDirectory() as other:
            path = Path(other) / "store"
            shutil.copytree(folder, path)
            repository = Repository.open(path)
            repository.commit([twin.edit(language, subject=given) for twin in twins], message="Twins")
            for case, change in _CASES.items():
                if language != "en" and case != "as written":
                    continue
                asked = list(questions(world, twins, language, seed))
                replies = repository.generate([change(each.prompt) for each in asked], greedy=True, max_new_tokens=12)
                counts: dict[str, Counter[str]] = {}
                for each, reply in zip(asked, replies, strict=True):
                    counted = counts.setdefault(each.group, Counter())
                    right = each.target is not None and reply.text.strip().startswith(each.target)
                    counted.update(asked=1, routed=int(reply.routed), right=int(right))
                title = case if given else f"{case}, no subject"
                found[title] = {group: dict(counted) for group, counted in counts.items()}
    return found


def known(repository: Repository, world: Sequence[Fact], language: str) -> float:
    """The share of the world's facts that the unedited model says."""
    asked = [(fact.prompt(language, number % 4), spelt(fact.value, language)) for number, fact in enumerate(world)]
    replies = repository.generate([prompt for prompt, _ in asked], base=True, greedy=True, max_new_tokens=12)
    right = [reply.text.strip().startswith(value) for reply, (_, value) in zip(replies, asked, strict=True)]
    return sum(right) / len(right)


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--seeds", default="0", show_default=True, help="Of worlds, models and edits, with commas.")
@click.option("--half", type=click.Choice(list(HALVES)), default="report", show_default=True)
@click.option("--languages", default=",".join(LANGUAGES), show_default=True, help="With commas.")
@click.option("--name", default="", help="Of the file of results.")
def main(out: Path, seeds: str, half: str, languages: str, name: str) -> None:
    """Measure the languages into OUT/HALF.json."""
    rows = []
    for seed in map(int, seeds.split(",")):
        world = make_world(seed)
        model = out / f"model-{seed}"
        if not (model / "config.json").exists():
            save_model(world, seed, model)
        twins = make_twins(world, half, seed)
        with tempfile.TemporaryDirectory() as folder:
            store = Path(folder) / "store"
            repository = Repository.init(store, model=str(model), seed=seed)
            for language in languages.split(","):
                row = {"seed": seed, "language": language, "known": known(repository, world, language)}
                rows.append(row | measure(store, world, twins, language, seed))
                click.echo(json.dumps(rows[-1], ensure_ascii=False), err=True)
    found = {"half": half, "machine": platform.machine(), "rows": rows}
    (out / f"{half}{name and '-'}{name}.json").write_text(
        json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8"
    )
    click.echo("\n".join(table(rows)))


def table(rows: Sequence[dict[str, object]]) -> list[str]:
    """The shares over all seeds, a line a language and way of asking."""
    sums: dict[tuple[str, str], dict[str, Counter[str]]] = {}
    for row in rows:
        for title, groups in row.items():
            if isinstance(groups, dict):
                held = sums.setdefault((str(row["language"]), title), {})
                for group, counted in groups.items():
                    held.setdefault(group, Counter()).update(counted)
    lines = ["| language | | " + " | ".join(next(iter(sums.values()))) + " |"]
    lines.append("| --- " * (len(next(iter(sums.values()))) + 2) + "|")
    for (language, title), groups in sums.items():
        shares = []
        for counted in groups.values():
            share = f"{counted['routed'] / counted['asked']:.2f}"
            shares.append(f"{share} ({counted['right'] / counted['asked']:.2f})" if counted["right"] else share)
        lines.append(f"| {language} | {title} | " + " | ".join(shares) + " |")
    return lines


if __name__ == "__main__":
    main()
