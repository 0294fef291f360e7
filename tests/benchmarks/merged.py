"""What a merged checkpoint of atlas says, and what of the rest it leaves as it was.

The first T edits of the shipped stream are one commit, exported as a plain checkpoint. Facts that no edit is about are
asked of it, greedily: the share whose answer is the unedited model's. The constants of the fit were chosen on the edits
501 to 600 and the other half of the facts (``--trial``).

    python -m tests.benchmarks.merged --edits 100
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import click

from wisedb.atlas import edits_path
from wisedb.atlas.facts import load
from wisedb.edits import Edit
from wisedb.importers import read_edits
from wisedb.model.base import LoadedBase, load_base
from wisedb.repository import Repository
from wisedb.serving.generate import continue_prompts
from wisedb.serving.score import mean_share, pairs_of, score

TRIAL = 500
"""Where in the stream the trial edits begin."""


def other_facts(edits: Sequence[Edit], count: int, *, trial: bool) -> list[str]:
    """Prompts of facts that no edit is about, one a fact, every second in a wording that was held out."""
    atlas = load()
    edited = {(edit.subject, *edit.tags) for edit in edits}
    facts = [fact for fact in atlas.facts if (fact.subject, fact.relation) not in edited]
    Random(1).shuffle(facts)
    half = facts[: len(facts) // 2] if trial else facts[len(facts) // 2 :]
    some = enumerate(half[:count])
    return [atlas.prompt(fact, (fact.trained if place % 2 else fact.held_out)[0]) for place, fact in some]


def answers(base: LoadedBase, prompts: Sequence[str]) -> list[str]:
    """What a model says to the prompts, greedily."""
    return [said.text for said in continue_prompts(base.model, base.tokenizer, prompts, max_new_tokens=12)]


@click.command()
@click.option("--edits", "count", default=100, show_default=True)
@click.option("--facts", default=500, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--trial", is_flag=True, help="On the edits and facts on which the constants were chosen.")
def run(count: int, facts: int, seed: int, trial: bool) -> None:
    first = TRIAL if trial else 0
    edits = read_edits(edits_path())[first : first + count]
    prompts = other_facts(edits, facts, trial=trial)
    before = answers(load_base("atlas"), prompts)
    with tempfile.TemporaryDirectory() as folder:
        repository = Repository.init(Path(folder) / "store", "atlas", seed=seed)
        repository.commit(edits, "edits", author="Ada <ada@example.org>")
        started = time.perf_counter()
        made = repository.export("HEAD", Path(folder) / "out", "merged", force=True)
        seconds = time.perf_counter() - started
        checkpoint = load_base(str(made.path))
    asked = [(edit.prompt, edit.target) for edit in edits]
    worded = [(text, edit.target) for edit in edits for text in edit.rephrases]
    rel, gen = (
        mean_share(score(checkpoint.model, pairs_of(checkpoint.tokenizer, some), 0)) for some in (asked, worded)
    )
    after = answers(checkpoint, prompts)
    kept = sum(one == other for one, other in zip(before, after, strict=True)) / len(prompts)
    found: dict[str, Any] = {"T": count, "seed": seed, "reliability": rel, "generalization": gen, "kept": kept}
    click.echo(json.dumps({**found, "facts": len(prompts), **(made.cost.to_json() if made.cost else {}), "s": seconds}))


if __name__ == "__main__":
    run()
