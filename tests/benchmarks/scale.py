"""Seconds and memory of an edit on a model of LLaMA-2-7B's shape, on whatever device there is.

The weights are random, so that nothing is said about answers: what writing costs depends on shapes, dtypes and texts.
The edits are those of atlas's stream, in its tokens. Loading and finding the cached forward are not timed, nor is
measuring.

    python -m tests.benchmarks.scale --device cuda
    python -m tests.benchmarks.scale --shape small --dtype float32 --edits 20 --alone 5
"""

from __future__ import annotations

import json
import platform
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from wisedb.atlas import edits_path, model_dir
from wisedb.editors.common.dtypes import default_dtype
from wisedb.editors.common.pool import Pool
from wisedb.editors.keyed.calibrate import calibrate
from wisedb.editors.keyed.context import TrainingContext
from wisedb.editors.keyed.paraphrases import RelationEncoder
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.editors.keyed.train import train_stream
from wisedb.editors.streams import StreamItem
from wisedb.edits import Edit
from wisedb.importers import read_edits
from wisedb.memory.gates.keys.build import build_keys
from wisedb.memory.gates.keys.statistics import Statistics, compute_statistics
from wisedb.memory.kinds.masks import random_mask
from wisedb.model.find_cached_forward import find_cached_forward
from wisedb.model.locate import locate, weight_of

SHAPES: Mapping[str, Mapping[str, int]] = {
    "7b": {"hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32},
    "small": {"hidden_size": 256, "intermediate_size": 688, "num_hidden_layers": 8, "num_attention_heads": 8},
}
VOCABULARY = 32000
_TEXTS = 300


@dataclass(frozen=True)
class Bench:
    """A random model made ready, and what its keys are measured in."""

    base: TrainingContext
    known: Statistics
    device: torch.device

    def now(self) -> float:
        """Seconds, once the device has done what it was asked for."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()

    def peak(self) -> int:
        """Bytes of the device's memory at most since :meth:`forget`; of the process on the CPU, from its start."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    def forget(self) -> None:
        """Count the device's peak anew."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)


def ready(shape: str, device: torch.device, dtype: torch.dtype, seed: int, texts: Sequence[str]) -> Bench:
    """The random model on its device."""
    torch.manual_seed(seed)
    with device:
        config = LlamaConfig(vocab_size=VOCABULARY, **SHAPES[shape])
        model: PreTrainedModel = LlamaForCausalLM._from_config(config, dtype=dtype).eval()
    tokenizer = AutoTokenizer.from_pretrained(model_dir())
    projection = locate(model)
    pool = Pool(tuple(texts[:_TEXTS]), tuple(texts[_TEXTS : _TEXTS + 10]), {"by": "atlas"})
    known = compute_statistics(model, projection, tokenizer, pool.prompts)
    relations = RelationEncoder(model, tokenizer, projection, known)
    forward, kept = find_cached_forward(model, projection), default_dtype(projection)
    return Bench(TrainingContext(model, tokenizer, projection, pool, forward, kept, relations), known, device)


def written(bench: Bench, settings: Mapping[str, Any], seed: int, edits: Sequence[Edit]) -> Iterator[tuple[int, float]]:
    """Write edits as one batch; how many at a time, and their seconds.

    What a commit does on a model is in it: the training, and the keys.
    """
    config = KeyedSettings.from_settings(settings)
    base = bench.base
    mask = random_mask((base.projection.d_ff, base.projection.d_model), config.mask_ratio, seed)
    begin = bench.now()
    train_stream(base, config, seed, mask, None, [StreamItem(edit, batch=0) for edit in edits])
    _keys(bench, edits)
    yield len(edits), bench.now() - begin


def alone(bench: Bench, settings: Mapping[str, Any], seed: int, edits: Sequence[Edit]) -> Iterator[tuple[int, float]]:
    """Write edits as if each arrived by itself: a batch each."""
    config = KeyedSettings.from_settings(settings)
    base = bench.base
    mask = random_mask((base.projection.d_ff, base.projection.d_model), config.mask_ratio, seed)
    start: tuple[torch.Tensor, int] | None = None
    for count in range(1, len(edits) + 1):
        begin = bench.now()
        items = [StreamItem(edit) for edit in edits[:count]]
        start = train_stream(base, config, seed, mask, start, items).values, count
        _keys(bench, edits[count - 1 : count])
        yield 1, bench.now() - begin


def _keys(bench: Bench, edits: Sequence[Edit]) -> None:
    base = bench.base
    build_keys(base.model, base.projection, base.tokenizer, bench.known, edits)


def measured(bench: Bench, name: str, protocol: str, runs: Callable[[], Iterator[tuple[int, float]]]) -> dict[str, Any]:
    """One row: seconds an edit, and the peak."""
    bench.forget()
    found = list(runs())
    each = [seconds / count for count, seconds in found]
    many = len(each) > 1
    return {
        "editor": name,
        "protocol": protocol,
        "edits": sum(count for count, _ in found),
        "mean": sum(seconds for _, seconds in found) / sum(count for count, _ in found),
        "p50": statistics.median(each) if many else None,
        "p95": statistics.quantiles(each, n=20, method="inclusive")[-1] if many else None,
        "peak_bytes": bench.peak(),
    }


@click.command()
@click.option("--shape", type=click.Choice(list(SHAPES)), default="7b")
@click.option("--device", default="cuda" if torch.cuda.is_available() else "cpu")
@click.option("--dtype", type=click.Choice(["bfloat16", "float16", "float32"]), default="bfloat16")
@click.option("--edits", default=100, help="Written in one commit.")
@click.option("--alone", "few", default=20, help="Written a commit an edit.")
@click.option("--seed", default=0)
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Folder that the figures go to.")
def main(shape: str, device: str, dtype: str, edits: int, few: int, seed: int, out: Path | None) -> None:
    """Print a row for each way to write."""
    stream = read_edits(edits_path())
    texts = list(dict.fromkeys(local.prompt for edit in stream for local in edit.locality))
    bench = ready(shape, torch.device(device), getattr(torch, dtype), seed, texts)
    units = calibrate(weight_of(bench.base.projection))
    ways: list[tuple[str, str, Callable[[], Iterator[tuple[int, float]]]]] = [
        ("keyed", "one commit", lambda: written(bench, units, seed, stream[:edits])),
        ("keyed", "one by one", lambda: alone(bench, units, seed, stream[:few])),
    ]
    parameters = sum(tensor.numel() for tensor in bench.base.model.parameters())
    where = torch.cuda.get_device_name(bench.device) if bench.device.type == "cuda" else platform.processor() or "CPU"
    click.echo(f"Llama of shape {shape}, random, {parameters:,} parameters, {dtype}, {where}\n")
    click.echo("| editor | edits given | edits | s/edit mean | p50 | p95 | peak GB |")
    click.echo("| --- | --- | --- | --- | --- | --- | --- |")
    rows = []
    for name, protocol, runs in ways:
        row = measured(bench, name, protocol, runs)
        rows.append(row)
        shown = [f"{row[key]:.3f}" if row[key] is not None else "" for key in ("mean", "p50", "p95")]
        click.echo(f"| {name} | {protocol} | {row['edits']} | {' | '.join(shown)} | {row['peak_bytes'] / 1e9:.1f} |")
    if out is not None:
        found = {
            "name": "scale",
            "shape": shape,
            "parameters": parameters,
            "dtype": dtype,
            "device": where,
            "threads": torch.get_num_threads(),
            "seed": seed,
            "date": time.strftime("%Y-%m-%d", time.gmtime()),
            "versions": {name: version(name) for name in ("torch", "transformers", "wisedb")},
            "rows": rows,
        }
        out.mkdir(parents=True, exist_ok=True)
        (out / f"scale_{shape}_{bench.device.type}_{dtype}.json").write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
