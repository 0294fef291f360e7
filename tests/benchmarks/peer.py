"""wisedb beside the public implementation of WISE: the same edits, contexts, layer and evaluation, one after the other.

    git clone https://github.com/zjunlp/EasyEdit
    python -m tests.benchmarks.peer --easyedit EasyEdit --name atlas
    python -m tests.benchmarks.peer --easyedit EasyEdit --name zsre --model DIR --data zsre.json --pool prompts.txt

Every editor runs in a process of its own, the processes one after the other. All edits are written first, then measured
by one and the same code. Seconds are those of the training, the measuring left out; those of the processor include, in
wisedb's rows, all that a commit does, its measuring too. Each row is saved as soon as it is there, and a row that is
there is not measured again: delete it from the file to do so.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import click
import torch

from tests.benchmarks.peer_easyedit import TUNED, Peer, commit_of
from wisedb.atlas import edits_path
from wisedb.bench.leaks import Leaks, leaks
from wisedb.config import EditorChoice
from wisedb.editors.registry import bind, calibrated
from wisedb.edits import Edit
from wisedb.importers import read_edits
from wisedb.model.base import LoadedBase, load_base
from wisedb.model.tokens import encode_prompt
from wisedb.progress import Progress
from wisedb.repository import Repository
from wisedb.serving.assemble import attached_at_commit
from wisedb.serving.blobs import PendingBlobs
from wisedb.serving.evaluate import evaluate, exact_matches
from wisedb.serving.exact_match import same_answer
from wisedb.serving.generate import continue_prompts
from wisedb.serving.questions import Questions, ask
from wisedb.serving.resources import StoreResources
from wisedb.serving.score import Pair, Scored, agreement, mean_share, score

EDITORS: Mapping[str, tuple[str, ...]] = {
    "unedited": ("",),
    "easyedit": ("one by one",),
    "easyedit-tuned": ("one by one",),
    "wise": ("one by one", "one commit"),
    "keyed": ("one by one", "one commit"),
}
"""What can be measured, and how the edits can be given to it."""

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

COLUMNS = (
    ("editor", "editor"),
    ("edits given", "protocol"),
    ("s/edit p50", "p50"),
    ("p95", "p95"),
    ("mean", "mean"),
    ("CPU", "cpu"),
    ("Rel.", "reliability"),
    ("Gen.", "generalization"),
    ("Loc.", "locality"),
    ("EM", "exact_match"),
    ("EM rephrase", "exact_match_rephrase"),
    ("EM at length", "exact_at_length"),
    ("EM at length, rephrase", "exact_at_length_rephrase"),
)


POOL_SIZE = 200
"""Unrelated prompts that are taken of the data at most: as many as a model would write itself."""

_SLACK = 8
"""Tokens beyond the target's that an answer may take until it stops by itself, as in wisedb's own evaluation."""


# The measuring of one editor, in a process of its own.


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
            row = _figures(repo.base, questions, _plain_loc(repo.base, questions))
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
            _mean(_said_at_length(repo.base, asked, pairs, handle))
            for asked, pairs in zip(_asked(questions), (questions.direct, questions.rephrased), strict=True)
        )


def _said_at_length(
    base: LoadedBase, asked: Sequence[tuple[str, str]], pairs: Sequence[Pair], handle: Any
) -> list[bool]:
    found: dict[int, bool] = {}
    for length in {len(pair.answer) for pair in pairs}:
        rows = [row for row, pair in enumerate(pairs) if len(pair.answer) == length]
        prompts = [asked[row][0] for row in rows]
        answers = continue_prompts(base.model, base.tokenizer, prompts, max_new_tokens=length, handle=handle)
        found |= {row: same_answer(answer.text, asked[row][1]) for row, answer in zip(rows, answers, strict=True)}
    return [found[row] for row in range(len(pairs))]


def _theirs(
    repo: Repository,
    edits: Sequence[Edit],
    leaked: Leaks,
    settings: Mapping[str, Any],
    job: Mapping[str, Any],
) -> dict[str, Any]:
    parts = {count: _questions(repo, edits[:count], leaked) for count in {*job["also"], len(edits)}}
    plains = {count: _plain_loc(repo.base, part) for count, part in parts.items()}
    questions, plain = parts[len(edits)], plains[len(edits)]
    kept = repo.store.objects.meta(str(repo.store.config.editor.pool))[1]
    base = load_base(job["model"])
    checkout = Path(job["easyedit"])
    target = repo.base.projection(repo.store.config.editor.target or "").name
    peer = Peer(checkout, base, target, kept["contexts"], settings, job["seed"])
    same = _plain_loc(base, questions)
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
            earlier[count] = _figures(base, parts[count], plains[count])
            click.echo(f"{count} edits: {json.dumps(earlier[count])}", err=True)
        elif not count % 10:
            click.echo(f"{count} edits", err=True)

    walls, busy = peer.write(edits, unrelated, look)
    return {
        "seconds": {**_spread(walls), "mean": sum(walls) / len(walls), "all": walls},
        "cpu_seconds": {**_spread(busy), "mean": sum(busy) / len(busy)},
        **_figures(base, questions, plain),
        "after": earlier,
        "right_after_each_edit": {
            "reliability": _mean(direct for direct, _ in at_once),
            "generalization": _mean(sum(shares) / len(shares) for _, shares in at_once if shares),
        },
        "settings": peer.settings,
        "easyedit_commit": commit_of(checkout),
    }


# The evaluation of a model that wisedb knows nothing of: its own scoring, but one prompt at a time and without padding,
# because the other editor's route is one for a whole batch.


def _figures(base: LoadedBase, questions: Questions, plain: Sequence[Scored]) -> dict[str, Any]:
    pad = base.tokenizer.pad_token_id or 0
    direct = [score(base.model, [pair], pad)[0] for pair in questions.direct]
    groups: dict[int, list[float]] = {}
    for owner, pair in zip(questions.owners, questions.rephrased, strict=True):
        groups.setdefault(owner, []).append(score(base.model, [pair], pad)[0].share)
    after = _plain_loc(base, questions)
    # Its route is taken anew at each step, and with a cache a step sees one token alone: both ways are measured, and
    # its figure is the better one.
    whole: dict[str, float | None] = {}
    cached: dict[str, float | None] = {}
    for suffix, asked, pairs in zip(
        ("", "_rephrase"), _asked(questions), (questions.direct, questions.rephrased), strict=True
    ):
        both = list(zip(asked, pairs, strict=True))
        whole |= {
            f"exact_match{suffix}": _mean(_whole_answer(base, *one, len(pair.answer), cut=False) for one, pair in both),
            f"exact_at_length{suffix}": _mean(
                _whole_answer(base, *one, len(pair.answer), cut=True) for one, pair in both
            ),
        }
        cached |= {
            f"exact_match{suffix}": _mean(exact_matches(base, [one], None)[0] for one in asked),
            f"exact_at_length{suffix}": _mean(_said_at_length(base, [one], [pair], None)[0] for one, pair in both),
        }
    return {
        "reliability": mean_share(direct),
        "generalization": _mean(sum(group) / len(group) for group in groups.values()),
        "locality": _mean(agreement(a.predicted, b.predicted) for a, b in zip(after, plain, strict=True)),
        **{name: max((way[name] for way in (whole, cached)), key=lambda share: share or 0.0) for name in whole},
        "without_cache": whole,
        "with_cache": cached,
    }


def _plain_loc(base: LoadedBase, questions: Questions) -> list[Scored]:
    pad = base.tokenizer.pad_token_id or 0
    return [score(base.model, [pair], pad)[0] for pair in questions.unrelated]


@torch.no_grad()
def _whole_answer(base: LoadedBase, prompt: str, target: str, length: int, *, cut: bool) -> bool:
    """Whether the greedy answer, computed without a cache, is the target: at its natural stop, or cut at its length."""
    ids, end, stopped = encode_prompt(base.tokenizer, prompt), base.tokenizer.eos_token_id, False
    start = len(ids)
    for _ in range(length if cut else length + _SLACK):
        row = torch.tensor([ids], device=base.model.device)
        logits = base.model(input_ids=row, attention_mask=torch.ones_like(row), use_cache=False).logits
        token = int(logits[0, -1].argmax())
        text = base.tokenizer.decode([*ids[start:], token], skip_special_tokens=True)
        stopped = token == end or ("\n" in text.lstrip() and "\n" not in target)
        if token != end:
            ids.append(token)
        if stopped:
            break
    text = base.tokenizer.decode(ids[start:], skip_special_tokens=True).lstrip()
    answer = text if "\n" in target else text.split("\n", 1)[0]
    return (stopped or cut) and same_answer(answer, target)


def _asked(questions: Questions) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    direct = [(edit.prompt, edit.target) for edit in questions.edits]
    wordings = zip(questions.edits, questions.rephrases, strict=True)
    return direct, [(text, edit.target) for edit, texts in wordings for text in texts]


def _mean(values: Any) -> float | None:
    numbers = [float(value) for value in values]
    return sum(numbers) / len(numbers) if numbers else None


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


# What starts the processes and keeps their rows.


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as a Markdown table."""
    lines = ["| " + " | ".join(title for title, _ in COLUMNS) + " |", "| " + " | ".join("---" for _ in COLUMNS) + " |"]
    for row in rows:
        flat = {**row, **row.get("seconds", {}), "cpu": row.get("cpu_seconds", {}).get("mean")}
        lines.append("| " + " | ".join(_cell(flat.get(key)) for _, key in COLUMNS) + " |")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


def _run(job: Mapping[str, Any]) -> dict[str, Any]:
    threads = str(job["threads"])
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / "row.json"
        command = [sys.executable, "-m", "tests.benchmarks.peer", "--job", json.dumps(dict(job)), "--out", str(part)]
        subprocess.run(command, env=environment, check=True)
        row: dict[str, Any] = json.loads(part.read_text(encoding="utf-8"))
    return row


def _write(file: Path, document: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    half = file.with_suffix(".part")
    half.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    half.replace(file)


@click.command()
@click.option("--easyedit", type=click.Path(path_type=Path), default=None, help="A checkout of EasyEdit.")
@click.option("--name", default="atlas", help="What this set of rows is called.")
@click.option("--model", default="atlas", help="The base model: a folder, a Hub id, or atlas.")
@click.option("--data", type=click.Path(path_type=Path), default=None, help="The stream; by default atlas's own.")
@click.option("--pool", type=click.Path(path_type=Path), default=None, help="Unrelated prompts, one a line.")
@click.option("--pool-from", type=int, default=None, help="Or: the locality prompts of the records from so many on.")
@click.option("--edits", default=100)
@click.option("--also", default="", help="Measure EasyEdit after so many edits too: 10,50.")
@click.option("--first", default=0, help="Leave out so many records before.")
@click.option("--editors", default="unedited,easyedit,wise,keyed", help=f"Of {', '.join(EDITORS)}.")
@click.option("--tuned", is_flag=True, help="EasyEdit with its best settings for small models too.")
@click.option("--set", "settings", multiple=True, help="key=value for every editor named, on top of its own settings.")
@click.option("--seed", default=0)
@click.option("--threads", default=1)
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/benchmarks/peer.json"))
@click.option("--job", default=None, hidden=True)
def main(
    easyedit: Path | None,
    name: str,
    model: str,
    data: Path | None,
    pool: Path | None,
    pool_from: int | None,
    edits: int,
    also: str,
    first: int,
    editors: str,
    tuned: bool,
    settings: tuple[str, ...],
    seed: int,
    threads: int,
    out: Path,
    job: str | None,
) -> None:
    """Measure editors side by side and write one JSON file."""
    if job is not None:
        _write(out, measure(json.loads(job)))
        return
    given = {key: _value(text) for key, text in (item.split("=", 1) for item in settings)}
    stream = data or edits_path()
    conditions = {
        "model": Path(model).name,
        "data": stream.name,
        "pool": None if pool is None else pool.name,
        "pool_from": pool_from,
        "edits": edits,
        "first": first,
        "settings": given,
        "seed": seed,
        "threads": threads,
    }
    document: dict[str, Any] = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {"name": "peer"}
    held = document.setdefault("sets", {}).setdefault(name, {"conditions": conditions, "rows": []})
    if held["conditions"] != conditions:
        raise click.ClickException(f"{out} holds {name!r} under other conditions: choose another --name or --out")
    chosen = [*editors.split(","), *(["easyedit-tuned"] if tuned else [])]
    for editor, protocol in ((each, way) for each in chosen for way in EDITORS[each]):
        if any((row["editor"], row["protocol"]) == (editor, protocol) for row in held["rows"]):
            continue
        if editor.startswith("easyedit") and easyedit is None:
            raise click.UsageError("--easyedit names the checkout that is to be measured")
        more = {"also": [int(word) for word in also.split(",") if word], "easyedit": str(easyedit)}
        work = {**conditions, "model": model, "data": str(stream), "pool": None if pool is None else str(pool), **more}
        held["rows"].append(_run({**work, "editor": editor, "protocol": protocol}))
        document["machine"] = f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores"
        document["versions"] = {package: version(package) for package in ("wisedb", "torch", "transformers")}
        _write(out, document)
        click.echo(f"{name}\n\n{table(held['rows'])}\n")


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


if __name__ == "__main__":
    main()
