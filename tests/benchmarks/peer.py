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
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from tests.benchmarks.peer_measure import measure
from tests.benchmarks.peer_table import table
from wisedb.atlas import edits_path

EDITORS: Mapping[str, tuple[str, ...]] = {
    "unedited": ("",),
    "easyedit": ("one by one",),
    "easyedit-tuned": ("one by one",),
    "wise": ("one by one", "one commit"),
    "keyed": ("one by one", "one commit"),
}
"""What can be measured, and how the edits can be given to it."""


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
