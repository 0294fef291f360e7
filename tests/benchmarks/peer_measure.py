"""One editor measured in a process of its own: wisedb's, none, or the public implementation."""

from __future__ import annotations

import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import click
import torch

from tests.benchmarks.peer_easyedit import TUNED, Peer, commit_of
from tests.benchmarks.peer_figures import asked_of, figures, mean, plain_locality, said_at_length
from tests.benchmarks.peer_table import COLUMNS
from wisedb.bench.leaks import Leaks, leaks
from wisedb.config import EditorChoice
from wisedb.editors.registry import bind, calibrated
from wisedb.edits import Edit
from wisedb.importers import read_edits
from wisedb.model.base import load_base
from wisedb.progress import Progress
from wisedb.repository import Repository
from wisedb.serving.assemble import attached_at_commit
from wisedb.serving.blobs import PendingBlobs
from wisedb.serving.evaluate import evaluate
from wisedb.serving.questions import Questions, ask
from wisedb.serving.resources import StoreResources
from wisedb.serving.score import score

OURS = ("wise", "keyed")


SCALED: Mapping[str, str] = {
    "alpha": "alpha",
    "beta": "beta",
    "gamma": "gamma",
    "max_delta": "norm_constraint",
}
"""Settings that belong to a model's activations: the public implementation takes those that wisedb's WISE measures.

Its mask ratio is that of keyed, which too lets a memory hold many edits: wisedb's WISE gives small models narrow masks,
with an edit or two under each.
"""


POOL_SIZE = 200
"""Unrelated prompts that are taken of the data at most: as many as a model would write itself."""


def measure(job: Mapping[str, Any]) -> dict[str, Any]:
    """One row: write the edits as ``job`` says, then evaluate."""
    torch.set_num_threads(job["threads"])
    edits = read_edits(job["data"])[job["first"] :][: job["edits"]]
    pool = _unrelated(job)
    editor, protocol = job["editor"], job["protocol"]
    load, started = os.getloadavg(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        # The public implementation takes the measured settings of the editor that follows the same paper.
        own = editor if editor in OURS else "wise"
        given = job["settings"] if editor in OURS else None
        repo = Repository.init(
            Path(folder) / "store", model=job["model"], editor=own, seed=job["seed"], pool=pool, settings=given
        )
        measured = dict(repo.store.config.editor.settings)
        leaked = _leaks(repo, edits)
        if editor in OURS:
            row = _ours(repo, edits, protocol, leaked)
        elif editor == "unedited":
            questions = _questions(repo, edits, leaked)
            row = figures(repo.base, questions, plain_locality(repo.base, questions))
        else:
            mask = _keyed(repo).settings["mask_ratio"]
            chosen = {**_peer_settings(measured, editor), "mask_ratio": mask, **job["settings"]}
            row = _theirs(repo, edits, leaked, chosen, job)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "editor": editor,
        "protocol": protocol,
        **row,
        "leaked_rephrases": leaked.rephrases,
        "leaked_locality": leaked.locality,
        "load_before": load,
        "load_after": os.getloadavg(),
        "cpu_seconds_in_all": time.process_time() - started,
        "peak_rss_bytes": usage.ru_maxrss * 1024,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def _leaks(repo: Repository, edits: Sequence[Edit]) -> Leaks:
    # All editors are measured by the same prompts: by none that the one of them which borrows wordings may train.
    return leaks(edits, bind(_keyed(repo)).made_prompts(repo.base, _resources(repo), edits))


def _keyed(repo: Repository) -> EditorChoice:
    editor = repo.store.config.editor
    return calibrated("keyed", repo.base, _resources(repo), {}, editor.seed, editor.pool)


def _resources(repo: Repository) -> StoreResources:
    config = repo.store.config
    return StoreResources(repo.base, config.base, PendingBlobs(repo.store.blob_cache), config.editor.resources)


def _questions(repo: Repository, edits: Sequence[Edit], leaked: Leaks) -> Questions:
    return ask(repo.store, repo.base, tuple(edits), trained_on_locality=False, trained_on=leaked.prompts)


def _peer_settings(measured: Mapping[str, Any], editor: str) -> dict[str, Any]:
    scaled = {theirs: measured[ours] for ours, theirs in SCALED.items()}
    return {**scaled, **(TUNED if editor == "easyedit-tuned" else {})}


def _ours(repo: Repository, edits: Sequence[Edit], protocol: str, leaked: Leaks) -> dict[str, Any]:
    repo.base  # noqa: B018 - loaded and checked before any clock runs
    walls: list[float] = []
    training: list[float] = []
    busy: list[float] = []
    moments: list[float] = []

    def listen(progress: Progress) -> None:
        if progress.phase == "training":
            moments.append(time.perf_counter())

    for some in [list(edits)] if protocol == "one commit" else [[edit] for edit in edits]:
        wall, cpu = time.perf_counter(), time.process_time()
        done = repo.commit(some, "the next", progress=listen)
        walls.append(time.perf_counter() - wall)
        busy.append(time.process_time() - cpu)
        training.append(done.seconds_per_edit * len(some))
    if protocol == "one commit":
        # What an edit of a batch takes is told only where the editor reports after each.
        gaps = [later - earlier for earlier, later in pairwise(moments)]
        each = gaps if len(moments) == len(edits) else []
    else:
        each = training
    found = evaluate(repo.store, repo.base, "HEAD", edits, leave_out=leaked.prompts).to_json()
    direct, rephrased = _at_length_here(repo, _questions(repo, edits, leaked))
    return {
        "seconds": {**_spread(each), "mean": sum(training) / len(edits), "all": each},
        "commit_seconds": {**_spread(walls), "mean": sum(walls) / len(edits)},
        "cpu_seconds": {**_spread(busy), "mean": sum(busy) / len(edits)},
        **{key: found[key] for _, key in COLUMNS if key in found},
        **found["router"],
        "exact_at_length": direct,
        "exact_at_length_rephrase": rephrased,
        "settings": dict(repo.store.head_commit()[1].editor.settings),
    }


def _at_length_here(repo: Repository, questions: Questions) -> tuple[float | None, float | None]:
    with attached_at_commit(repo.store, repo.base, repo.store.head_commit()[1]) as handle:
        return tuple(  # type: ignore[return-value]
            mean(said_at_length(repo.base, asked, pairs, handle))
            for asked, pairs in zip(asked_of(questions), (questions.direct, questions.rephrased), strict=True)
        )


def _theirs(
    repo: Repository,
    edits: Sequence[Edit],
    leaked: Leaks,
    settings: Mapping[str, Any],
    job: Mapping[str, Any],
) -> dict[str, Any]:
    parts = {count: _questions(repo, edits[:count], leaked) for count in {*job["also"], len(edits)}}
    plains = {count: plain_locality(repo.base, part) for count, part in parts.items()}
    questions, plain = parts[len(edits)], plains[len(edits)]
    kept = repo.store.objects.meta(str(repo.store.config.editor.pool))[1]
    base = load_base(job["model"])
    checkout = Path(job["easyedit"])
    target = repo.base.projection(repo.store.config.editor.target or "").name
    peer = Peer(checkout, base, target, kept["contexts"], settings, job["seed"])
    same = plain_locality(base, questions)
    if [item.predicted for item in same] != [item.predicted for item in plain]:
        raise click.ClickException("made ready for the other editor, the model says something else")
    prompts = list(kept["prompts"])
    unrelated = [prompts[place % len(prompts)] for place in range(len(edits))]
    Random(job["seed"]).shuffle(unrelated)
    pad = base.tokenizer.pad_token_id or 0
    at_once: list[tuple[float, list[float]]] = []
    earlier: dict[int, dict[str, Any]] = {}

    def look(place: int) -> None:
        behind = [pair for pair, owner in zip(questions.rephrased, questions.owners, strict=True) if owner == place]
        direct = score(base.model, [questions.direct[place]], pad)[0].share
        at_once.append((direct, [score(base.model, [pair], pad)[0].share for pair in behind]))
        count = place + 1
        if count in parts and count < len(edits):
            earlier[count] = figures(base, parts[count], plains[count])
            click.echo(f"{count} edits: {json.dumps(earlier[count])}", err=True)
        elif not count % 10:
            click.echo(f"{count} edits", err=True)

    walls, busy = peer.write(edits, unrelated, look)
    return {
        "seconds": {**_spread(walls), "mean": sum(walls) / len(walls), "all": walls},
        "cpu_seconds": {**_spread(busy), "mean": sum(busy) / len(busy)},
        **figures(base, questions, plain),
        "after": earlier,
        "right_after_each_edit": {
            "reliability": mean(direct for direct, _ in at_once),
            "generalization": mean(sum(shares) / len(shares) for _, shares in at_once if shares),
        },
        "settings": peer.settings,
        "easyedit_commit": commit_of(checkout),
    }


def _spread(values: Sequence[float]) -> dict[str, float | None]:
    if len(values) < 2:
        return {"p50": None, "p95": None}
    return {"p50": statistics.median(values), "p95": statistics.quantiles(values, n=20, method="inclusive")[-1]}


def _unrelated(job: Mapping[str, Any]) -> list[str] | None:
    """Unrelated prompts to train with: from a file, from records that nothing is measured on, or the model's own."""
    if job["pool"] is not None:
        return _lines(Path(job["pool"]))
    if job["pool_from"] is None:
        return None
    others = read_edits(job["data"])[job["pool_from"] :]
    return list(dict.fromkeys(item.prompt for edit in others for item in edit.locality))[:POOL_SIZE]


def _lines(file: Path) -> list[str]:
    return [prompt for line in file.read_text(encoding="utf-8").splitlines() if (prompt := line.strip())]
