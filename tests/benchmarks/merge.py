"""What merging two branches costs: each side's own facts before the merge and after it.

A base of edits is committed, then two branches write further ones of their own, each; the branches are merged, and
each side's facts (the base's and its own) are measured on the side before the merge and on the merge.

    python -m tests.benchmarks.merge
"""

from __future__ import annotations

import json
import platform
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from wisedb.atlas import edits_path
from wisedb.edits import Edit
from wisedb.importers import read_edits
from wisedb.repository import Repository

FIGURES = {
    "Rel.": "reliability",
    "Gen.": "generalization",
    "EM": "exact_match",
    "EM rephrase": "exact_match_rephrase",
    "Loc.": "locality",
    "recall@1": "recall_at_1",
    "false fires": "false_fire",
}
HELD = ("reliability", "generalization", "exact_match")
"""What may not fall by more than the tolerance."""
TOLERANCE = 0.02


@dataclass(frozen=True)
class Scenario:
    """Two branches.

    Attributes:
        name: what the rows are called.
        base: edits that both begin with.
        each: edits of each branch.
        contradicted: further edits of theirs that give as many of ours another target; theirs are chosen.
    """

    name: str
    base: int
    each: int
    contradicted: int = 0


SCENARIOS = (
    # Full memories at the fork: each branch makes memories of its own, and nothing is to be trained.
    Scenario("disjoint", 125, 20),
    # A memory that both go on with, and prompts that both changed.
    Scenario("shared memory, 3 conflicts", 15, 17, 3),
)


def measure(scenario: Scenario, seed: int) -> dict[str, Any]:
    """Make the branches, merge them, measure; returns rows and what the merge did."""
    base, each = scenario.base, scenario.each
    stream = read_edits(edits_path())
    edits = stream[: base + 2 * each]
    shared, ours, theirs = edits[:base], edits[base : base + each], edits[base + each :]
    losers = ours[: scenario.contradicted]
    winners = [_other_answer(edit, stream) for edit in losers]
    theirs = [*theirs, *winners]
    with tempfile.TemporaryDirectory() as folder:
        repo = Repository.init(folder, seed=seed)
        repo.commit(shared, "what both begin with")
        repo.branch("theirs")
        repo.commit(ours, "ours")
        repo.switch("theirs")
        repo.commit(theirs, "theirs")
        repo.switch("main")
        kept = [edit for edit in ours if edit not in losers]
        sides = (("ours", repo.store.resolve("main"), shared + kept), ("theirs", "theirs", shared + theirs))
        before = [_row(repo, rev, facts, side, "before") for side, rev, facts in sides]
        merged = repo.merge("theirs", "both", side="theirs")
        after = [_row(repo, "HEAD", facts, side, "after") for side, _, facts in sides]
        both = _row(repo, "HEAD", repo.facts(), "both", "after")
        lost = repo.evaluate("HEAD", data=losers).exact_match if losers else None
        settings = dict(repo.store.head_commit()[1].editor.settings)
    pairs = list(zip(before, after, strict=True))
    return {
        "scenario": scenario.name,
        "edits": {"base": base, "ours": len(ours), "theirs": len(theirs), "conflicts": len(losers)},
        "rows": [row for pair in pairs for row in pair] + [both],
        "worst_loss": max(first[key] - second[key] for first, second in pairs for key in HELD),
        "losers_answered": lost,
        "memories": [memory.to_json() for memory in merged.memories],
        "edits_trained": merged.to_train,
        "merge_seconds": merged.seconds,
        "bytes_written": merged.bytes_written,
        "settings": settings,
    }


def _other_answer(edit: Edit, stream: Sequence[Edit]) -> Edit:
    answers = (other.target for other in stream if other.tags == edit.tags)
    target = next(answer for answer in answers if answer not in (edit.target, edit.ground_truth))
    return replace(edit, target=target, reason="another view")


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    titles = ("facts of", "merge", *FIGURES)
    lines = ["| " + " | ".join(titles) + " |", "| " + " | ".join("---" for _ in titles) + " |"]
    for row in rows:
        cells = (row["side"], row["merge"], *(f"{row[key]:.3f}" for key in FIGURES.values()))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _row(repo: Repository, rev: str, facts: Sequence[Edit], side: str, when: str) -> dict[str, Any]:
    found = repo.evaluate(rev, data=facts).to_json()
    found |= found["router"]
    return {"side": side, "merge": when, **{key: found[key] for key in FIGURES.values()}, "oracle": found["oracle"]}


@click.command()
@click.option("--seed", default=0)
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/benchmarks"), help="Where merge.json goes.")
def main(seed: int, out: Path) -> None:
    """Measure merges and write merge.json; exits with 1 where a side lost more than the tolerance."""
    found = []
    for scenario in SCENARIOS:
        result = measure(scenario, seed)
        found.append(result)
        click.echo(f"{scenario.name}\n\n{table(result['rows'])}\n")
        lost = "" if result["losers_answered"] is None else f", losers answered {result['losers_answered']:.3f}"
        click.echo(f"worst loss {result['worst_loss']:.3f}, {result['edits_trained']} edits trained{lost}\n")
    worst = max(result["worst_loss"] for result in found)
    document = {
        "name": "merge",
        "model": "atlas",
        "data": edits_path().name,
        "seed": seed,
        "mode": "retrieve",
        "tolerance": TOLERANCE,
        "worst_loss": worst,
        "held": worst <= TOLERANCE,
        "scenarios": found,
        "machine": f"{platform.machine()}, no GPU",
        "versions": {package: version(package) for package in ("wisedb", "torch", "transformers")},
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "merge.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if worst > TOLERANCE:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
