"""How many rephrases the keys lead to their own edit, against how many unrelated prompts they lead to any.

Nothing is trained: keys of all edits, then one look at every rephrase and every locality prompt of the data. The level
is moved from loose to strict; 0 is where memories answer.

    python -m tests.benchmarks.routing --name zsre --model DIR --data zsre.json --edits 1000
"""

from __future__ import annotations

import json
import platform
import time
from collections import Counter
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import altair as alt
import click
import torch

from tests.benchmarks.keys import keys_of
from wisedb.atlas import edits_path
from wisedb.edits import Edit, normalise_prompt
from wisedb.importers import read_edits
from wisedb.memory.gates.keys.score import score_edits
from wisedb.model.capture import capture
from wisedb.model.tokens import encode_prompt

LEVELS = (-6.0, -4.0, -3.0, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)


def measure(model: str, edits: list[Edit], *, subjects: bool) -> dict[str, Any]:
    """Shares by level, and how many prompts they are of."""
    known = edits if subjects else [replace(edit, subject=None) for edit in edits]
    keys = keys_of(model, known)
    base, statistics, index = keys.base, keys.statistics, keys.index
    edited = {edit.key for edit in edits}
    rephrased = [(text, owner) for owner, edit in enumerate(edits) for text in edit.rephrases]
    listed = {each.prompt: edit for edit in edits for each in edit.locality}
    unrelated = {text: edit for text, edit in listed.items() if normalise_prompt(text) not in edited and text.strip()}
    scores, best = [], []
    asked = [encode_prompt(base.tokenizer, text) for text in [*(text for text, _ in rephrased), *unrelated]]
    for asked_ids, seen in zip(asked, capture(base.model, keys.projection, statistics.layer, asked), strict=True):
        tokens, relations = statistics.tokens(seen.tokens)[None], statistics.relations(seen.states)[None]
        count = tokens.shape[1]
        flags = statistics.flags_of(torch.tensor([asked_ids]), tokens)
        meant = score_edits(
            tokens, relations, flags, torch.ones(1, count, dtype=torch.bool), torch.tensor([[count - 1]]), index
        )
        scores.append(float(meant.scores))
        best.append(int(meant.best))
    subject = [normalise_prompt(edit.subject or edit.prompt) for edit in edits]
    often = Counter(subject)
    alone = torch.tensor([often[subject[owner]] == 1 for _, owner in rephrased], dtype=torch.bool)
    split = len(rephrased)
    own = torch.tensor([place == owner for place, (_, owner) in zip(best, rephrased, strict=False)], dtype=torch.bool)
    kin = torch.tensor(
        [subject[place] == subject[owner] for place, (_, owner) in zip(best, rephrased, strict=False)], dtype=torch.bool
    )
    near = torch.tensor(
        [bool(edit.subject and edit.subject.lower() in text.lower()) for text, edit in unrelated.items()]
    )
    found, false = torch.tensor(scores[:split]), torch.tensor(scores[split:])
    curve = [
        {
            "level": level,
            "own_edit": _share(own & (found >= level)),
            "own_edit_of_lone_subjects": _share((own & (found >= level))[alone]),
            "same_subject": _share(kin & (found >= level)),
            "false_fires": _share(false >= level),
            "false_fires_same_subject": _share((false >= level)[near]),
            "false_fires_other_subject": _share((false >= level)[~near]),
        }
        for level in LEVELS
    ]
    counts = {
        "edits": len(edits),
        "rephrases": split,
        "rephrases_of_lone_subjects": int(alone.sum()),
        "unrelated": len(unrelated),
        "of_the_same_subject": int(near.sum()),
    }
    return {**counts, "curve": curve}


def draw(found: dict[str, Any], file: Path) -> None:
    """The curves of all sets: rephrases led to their own edit against false fires, level 0 marked."""
    points = [
        {"set": name, "subjects": title, **point}
        for name, each in found.items()
        for kind, title in (("with_subjects", "subjects given"), ("without_subjects", "no subjects given"))
        for point in each[kind]["curve"]
    ]
    base = alt.Chart(alt.Data(values=points)).encode(
        x=alt.X(
            "false_fires:Q",
            title="false fires",
            scale=alt.Scale(domain=[0, 0.2], clamp=True),
            axis=alt.Axis(format="%"),
        ),
        y=alt.Y("same_subject:Q", title="rephrases routed", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")),
        color=alt.Color("set:N", title=None, sort=None),
        order="level:Q",
    )
    marked = base.mark_point(filled=True, size=60).transform_filter("datum.level == 0")
    chart = (
        (base.mark_line() + marked)
        .properties(width=330, height=260)
        .facet(alt.Column("subjects:N", title=None, sort="descending"))
    )
    chart.save(str(file))


def _share(chosen: torch.Tensor) -> float | None:
    return float(chosen.float().mean()) if len(chosen) else None


@click.command()
@click.option("--name", default="atlas")
@click.option("--model", default="atlas")
@click.option("--data", type=click.Path(path_type=Path, exists=True), default=None)
@click.option("--edits", "count", default=1000)
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/benchmarks"))
def main(name: str, model: str, data: Path | None, count: int, out: Path) -> None:
    """Measure with and without given subjects, add it to routing.json, print the row."""
    first: dict[str, Edit] = {}
    for edit in read_edits(edits_path() if data is None else data)[:count]:
        first.setdefault(edit.key, edit)
    edits = list(first.values())
    file = out / "routing.json"
    found = json.loads(file.read_text()) if file.exists() else {}
    found[name] = {
        "model": Path(model).name,
        "data": "atlas" if data is None else data.name,
        "with_subjects": measure(model, edits, subjects=True),
        "without_subjects": measure(model, edits, subjects=False),
        "machine": platform.machine(),
        "versions": {package: version(package) for package in ("wisedb", "torch", "transformers")},
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    out.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    draw(found, out / "routing.svg")
    for kind in ("with_subjects", "without_subjects"):
        row = next(each for each in found[name][kind]["curve"] if each["level"] == 0)
        click.echo(f"{name} {kind}: {row}")


if __name__ == "__main__":
    main()
