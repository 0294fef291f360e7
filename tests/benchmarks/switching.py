"""What it costs to move a loaded model to another commit, beside loading it anew.

A random Llama on disk, a store whose last two commits differ in one of their shards, and both ways to get from one to
the other, alternately. Every store read of a blob is counted. The keys of a thousand edits are exchanged in memory, in
the same way: that is what `switch` adds where memories have keys.

    python -m tests.benchmarks.switching
"""

from __future__ import annotations

import json
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import click
import torch

from tests.benchmarks.llama import RATIO, edit_prompts, llama, relations, side_memories, statistics, twin
from tests.models import tiny_tokenizer
from wisedb.config import EditorChoice, StoreConfig
from wisedb.editors.registry import find, settings_of
from wisedb.editors.streams import StreamItem, Trained
from wisedb.edits import Edit
from wisedb.memory.hooks import AttachedMemories, attach
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.memory.kinds.masks import random_mask
from wisedb.model.base import load_base
from wisedb.model.locate import locate
from wisedb.model.recognise import describe
from wisedb.repository import Repository
from wisedb.serving.memory_codec import origin_blob, version_blob
from wisedb.store.blobs import Blob
from wisedb.store.commits import Commit
from wisedb.store.memory_entry import MemoryEntry
from wisedb.store.objects import Objects
from wisedb.store.store import Store

AIM = 0.1
"""Of a fresh load."""


def make_store(folder: Path, model_folder: Path, shards: int, edits: int, seed: int) -> Repository:
    """A store with three commits: none, all shards, and all shards of which one has other values."""
    base = load_base(str(model_folder))
    projection = locate(base.model)
    record = describe(base, anew=True)
    pool = Blob("pool", {"prompts": ["The sky is"], "contexts": ["Well,"], "generator": {}})
    choice = EditorChoice("wise", settings_of(find("wise"), {"target": projection.name}), seed, {"pool": pool.id})

    def commit(parents: tuple[str, ...], memories: tuple[MemoryEntry, ...], minute: int) -> Commit:
        date = f"2026-01-01T00:{minute:02}:00Z"
        merged: dict[str, list[str]] | None = {"memories": []} if memories else None
        return Commit(parents, "a <a@b>", date, f"commit {minute}", record, choice, memories=memories, merged=merged)

    store = Store.init(folder, StoreConfig(record, choice), commit((), (), 0), [pool])
    generator = torch.Generator().manual_seed(seed)
    shape = (projection.d_ff, projection.d_model)
    masks = [random_mask(shape, RATIO, seed + number) for number in range(shards)]
    begun = [MaskedDelta.under(projection.name, mask, torch.zeros(int(mask.sum()))) for mask in masks]
    origins = [origin_blob(change, choice, seed + number) for number, change in enumerate(begun)]
    named = [Edit(prompt=f"The capital of land {number} is", target="Rome") for number in range(edits)]
    entries: list[MemoryEntry] = []
    for minute, changed in enumerate((range(shards), range(1)), start=1):
        tip = store.resolve("HEAD")
        with store.transaction(tip) as transaction:
            for number in changed:
                values = torch.randn(int(masks[number].sum()), generator=generator).mul_(0.02).to(base.model.dtype)
                stream = [StreamItem(edit) for edit in named[number::shards]]
                origin, change = origins[number].id, replace(begun[number], values=values)
                main = version_blob(origin, stream, Trained(change, "activation", 1.0), "")
                transaction.put(origins[number])
                transaction.put(main, delta_base=entries[number].main if minute > 1 else None)
                blobs = {"mask": origin, "delta": main.id}
                entry = MemoryEntry(origin, change.kind, "activation", choice, change.modules, main.id, blobs)
                entries[number : number + 1] = [entry]
            transaction.land(commit((tip,), tuple(entries), minute), action="commit", unstage=[])
    return Repository(store)


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds on the clock, and of the processor."""
    wall, busy = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - busy


def keyed(
    model_shards: int, edits: int, dtype: torch.dtype, rounds: int
) -> tuple[tuple[float, float], list[tuple[float, float]]]:
    """Seconds to attach memories with keys to a model, and to put others in their place of which one differs."""
    model = llama(dtype)
    prompts = edit_prompts(edits + 1)
    projection = locate(model)
    found = statistics(model, projection)
    asked = relations(model, found, prompts[:1])
    memories = side_memories(model, model_shards, prompts[:edits], asked, found)
    other = side_memories(model, model_shards, torch.cat([prompts[-1:], prompts[1:edits]]), asked, found)
    beside = twin(model)
    handles: list[AttachedMemories] = []
    first = timed(lambda: handles.append(attach(beside, memories)))
    times = []
    for number in range(rounds):
        changed = [other[0] if number % 2 == 0 else memories[0], *memories[1:]]
        times.append(timed(partial(handles[0].set, changed)))
    return first, times


def middle(times: list[tuple[float, float]]) -> float:
    """The median of the clock's seconds."""
    return median(wall for wall, _ in times)


@click.command()
@click.option("--shards", default=16)
@click.option("--edits", default=1000)
@click.option("--dtype", default="bfloat16")
@click.option("--rounds", default=9)
@click.option("--seed", default=0)
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Folder that switching.json goes to.")
def main(shards: int, edits: int, dtype: str, rounds: int, seed: int, out: Path | None) -> None:
    """Measure, print, and exit with 1 where a switch takes more than a tenth of a load."""
    torch.set_num_threads(1)
    loads: list[tuple[float, float]] = []
    switches: list[tuple[float, float]] = []
    read: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = llama(getattr(torch, dtype), seed)
        parameters = sum(parameter.numel() for parameter in model.parameters())
        model.save_pretrained(folder / "model")
        tiny_tokenizer().save_pretrained(folder / "model")
        del model
        repo = make_store(folder / "store", folder / "model", shards, edits, seed)
        repo.load("HEAD")
        loaded, _ = repo.load("HEAD~1")
        get = Objects.get

        def counted(objects: Objects, blob_id: str) -> Blob:
            read.append(blob_id)
            return get(objects, blob_id)

        with patch.object(Objects, "get", counted):
            for number in range(rounds):
                rev = f"HEAD~{number % 2}"
                loads.append(timed(partial(repo.load, rev)))
                read.clear()
                switches.append(timed(partial(repo.switch, loaded, rev)))
                blobs = len(read)
    first, sets = keyed(shards, edits, getattr(torch, dtype), rounds)
    rows = {"fresh load": loads, "switch": switches, "other keys for one of the memories": sets}
    rows["fresh load, with keys"] = [(wall + first[0], busy + first[1]) for wall, busy in loads]
    rows["switch, with keys"] = [(a + c, b + d) for (a, b), (c, d) in zip(switches, sets, strict=True)]
    click.echo("| | wall, ms | of a load | processor, ms |\n| --- | --- | --- | --- |")
    for title, times in rows.items():
        whole = middle(rows["fresh load, with keys" if "keys" in title else "fresh load"])
        busy = median(busy for _, busy in times)
        click.echo(f"| {title} | {1e3 * middle(times):.0f} | {middle(times) / whole:.3f} | {1e3 * busy:.0f} |")
    click.echo(f"\n{blobs} blobs read in the last switch")
    document = {
        "name": "switching",
        "model": f"Llama of SmolLM-135M's shape, random, {parameters:,} parameters, {dtype}",
        "shards": shards,
        "edits": edits,
        "rounds": rounds,
        "seed": seed,
        "aim": AIM,
        "blobs_read": blobs,
        "seconds": {
            title: {"wall": round(median(a for a, _ in times), 4), "processor": round(median(b for _, b in times), 4)}
            for title, times in rows.items()
        },
        "machine": f"{platform.machine()}, no GPU",
        "versions": {package: version(package) for package in ("wisedb", "torch", "transformers")},
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "switching.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    for suffix in ("", ", with keys"):
        if middle(rows[f"switch{suffix}"]) > AIM * middle(rows[f"fresh load{suffix}"]):
            raise SystemExit(1)


if __name__ == "__main__":
    main()
