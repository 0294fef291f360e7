"""What merging two branches costs: each side's own facts before the merge and after it.

A base of edits is committed, then two branches write further ones of their own, each; the branches are merged, and
each side's facts (the base's and its own) are measured on the side before the merge and on the merge.

    python -m tests.benchmarks.merge
    python -m tests.benchmarks.merge --base 20 --each 20 --out docs/benchmarks
"""

from __future__ import annotations

import json
import platform
import tempfile
import time
from collections.abc import Sequence
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


def measure(base: int, each: int, seed: int) -> dict[str, Any]:
    """Make the branches, merge them, measure; returns rows and the conditions they were got under."""
    edits = read_edits(edits_path())[: base + 2 * each]
    shared, ours, theirs = edits[:base], edits[base : base + each], edits[base + each :]
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        repo = Repository.init(folder, seed=seed)
        if shared:
            repo.commit(shared, "what both begin with")
        repo.branch("theirs")
        repo.commit(ours, "ours")
        repo.switch("theirs")
        repo.commit(theirs, "theirs")
        repo.switch("main")
        sides = {"ours": (shared + ours, repo.store.resolve("main")), "theirs": (shared + theirs, "theirs")}
        before = {side: _row(repo, rev, facts, side, "before") for side, (facts, rev) in sides.items()}
        merged = repo.merge("theirs", "both")
        for side, (facts, _) in sides.items():
            rows += [before[side], _row(repo, "HEAD", facts, side, "after")]
        rows.append(_row(repo, "HEAD", edits, "both", "after"))
        settings = dict(repo.store.head_commit()[1].editor.settings)
    worst = min(after[key] - first[key] for first, after in zip(rows[0:4:2], rows[1:4:2], strict=True) for key in HELD)
    return {
        "name": "merge",
        "model": "atlas",
        "data": edits_path().name,
        "edits": {"base": base, "ours": each, "theirs": each},
        "seed": seed,
        "mode": "retrieve",
        "settings": settings,
        "rows": rows,
        "worst_loss": -worst,
        "tolerance": TOLERANCE,
        "held": -worst <= TOLERANCE,
        "memories": [memory.to_json() for memory in merged.memories],
        "edits_trained": merged.to_train,
        "merge_seconds": merged.seconds,
        "bytes_written": merged.bytes_written,
        "machine": f"{platform.machine()}, no GPU",
        "versions": {package: version(package) for package in ("wisedb", "torch", "transformers")},
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


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
@click.option("--base", default=20, help="Edits that both branches begin with.")
@click.option("--each", default=20, help="Edits of each branch.")
@click.option("--seed", default=0)
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/benchmarks"), help="Where merge.json goes.")
def main(base: int, each: int, seed: int, out: Path) -> None:
    """Measure a merge and write merge.json; exits with 1 where a side lost more than the tolerance."""
    result = measure(base, each, seed)
    out.mkdir(parents=True, exist_ok=True)
    (out / "merge.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    click.echo(table(result["rows"]))
    click.echo(f"worst loss {result['worst_loss']:.3f}, {result['edits_trained']} edits trained for the merge")
    if not result["held"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
