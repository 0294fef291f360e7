"""Each edit alone on the unedited model, and the means: what T = 1 of one edit is too little to tell.

    python -m tests.benchmarks.alone --editor mend --edits 60

By default the edits are the first of the shipped stream of ``atlas``; ``--data`` takes others. As in ``wisedb bench``,
no prompt measures whose words the editor may have trained.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from statistics import fmean
from typing import Any

import click

from wisedb.atlas import edits_path
from wisedb.bench.leaks import leaks
from wisedb.editors.registry import bind
from wisedb.importers import read_edits
from wisedb.repository import Repository
from wisedb.serving.blobs import PendingBlobs
from wisedb.serving.evaluate import evaluate
from wisedb.serving.resources import StoreResources
from wisedb.store.store import Store

FIGURES = ("reliability", "generalization", "locality", "exact_match", "exact_match_rephrase")


@click.command()
@click.option("--editor", default="keyed", show_default=True)
@click.option("--model", default="atlas", show_default=True)
@click.option("--data", type=click.Path(exists=True, path_type=Path), help="By default atlas' own stream.")
@click.option("--edits", "count", default=60, show_default=True)
@click.option("--set", "given", multiple=True, metavar="KEY=VALUE")
@click.option("--seed", default=0, show_default=True)
def run(editor: str, model: str, data: Path | None, count: int, given: tuple[str, ...], seed: int) -> None:
    settings: dict[str, Any] = dict(pair.split("=", 1) for pair in given)
    edits = read_edits(data or edits_path())[:count]
    rows: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        empty = Repository.init(Path(folder) / "empty", model, editor=editor, settings=settings, seed=seed)
        choice, pending = empty.store.config.editor, PendingBlobs(empty.store.blob_cache)
        resources = StoreResources(empty.base, empty.store.config.base, pending, choice.resources)
        leaked = leaks(edits, bind(choice).made_prompts(empty.base, resources, edits))
        for edit in edits:
            shutil.copytree(empty.path, Path(folder) / "one")
            repository = Repository(Store.open(Path(folder) / "one"), empty.base)
            repository.commit([edit], "alone", author="Ada <ada@example.org>")
            found = evaluate(repository.store, empty.base, data=[edit], leave_out=leaked.prompts)
            rows.append(found.to_json())
            shutil.rmtree(Path(folder) / "one")
    means = {name: fmean(each for row in rows if (each := row[name]) is not None) for name in FIGURES}
    left_out = {"leaked_rephrases": leaked.rephrases, "leaked_locality": leaked.locality}
    click.echo(json.dumps({"editor": editor, "settings": settings, "edits": len(edits), **means, **left_out}))


if __name__ == "__main__":
    run()
