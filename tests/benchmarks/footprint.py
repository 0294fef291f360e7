"""How many bytes an edit takes at the shape of LLaMA-2-7B, on disk and in memory, routing keys included.

What is stored is encoded by the store's own codec: masks as they are drawn, and synthetic values (normal, bfloat16,
whose size depends on their number and bits alone). Keys, statistics and the index of all keys are made and their
tensors counted, with prompts of random tokens: real prompts share more of them. Counted is one version of every shard,
as after one commit; each further version adds its difference (`python -m tests.benchmarks.sizes`).

    python -m tests.benchmarks.footprint
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from tests.benchmarks.llama import WORDS, ring
from tests.benchmarks.sizes import D_FF, D_MODEL, bfloat16
from wisedb.memory.gates.keys.edit_keys import EditKeys
from wisedb.memory.gates.keys.index import KeyIndex, build_index
from wisedb.memory.gates.keys.similar_tokens import SimilarTokens
from wisedb.memory.gates.keys.statistics import RELATION_SIZE, TOKEN_SIZE, Statistics
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.memory.kinds.masks import pack, random_mask
from wisedb.model.tensors import to_raw
from wisedb.store.blobs import Array
from wisedb.store.codec import encode

VOCABULARY, TEXTS = 32000, 650
DISK, MEMORY = 40_000, 100_000
"""The aims: bytes an edit."""
ENTRIES = D_FF * D_MODEL
DENSE = 2 * ENTRIES
"""Bytes of a matrix in bfloat16."""
_ROWS = 1024


@dataclass(frozen=True)
class Keys:
    """Bytes of what routes T edits, all together.

    Attributes:
        disk: the rings, encoded.
        statistics: those of the base model, once a store.
        memory: the rings, the statistics and the index as they stand beside a model.
        tokens: different tokens that the index knows.
    """

    disk: int
    statistics: int
    memory: int
    tokens: int


def bytes_of(tensors: Sequence[torch.Tensor]) -> int:
    """Bytes of tensors."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def on_disk(tensors: Sequence[torch.Tensor]) -> int:
    """Bytes of tensors through the store's codec."""
    return sum(len(encode(Array(*to_raw(tensor)))[0]) for tensor in tensors)


def keys(edits: int, seed: int) -> Keys:
    """Make the keys of edits with prompts of :data:`tests.benchmarks.llama.WORDS` random tokens."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator) / math.sqrt(D_MODEL)

    lengths = torch.randint(10, 25, (TEXTS,), generator=generator, dtype=torch.int32)
    texts = torch.randint(1, VOCABULARY, (int(lengths.sum()),), generator=generator, dtype=torch.int32)
    marks = torch.randint(0, 32, (VOCABULARY,), generator=generator, dtype=torch.uint8)
    maps = (drawn(D_MODEL), drawn(D_MODEL, TOKEN_SIZE), drawn(D_MODEL), drawn(D_MODEL, RELATION_SIZE))
    found = Statistics(0, *maps, texts, lengths, marks, ())
    prompts = torch.randint(1, VOCABULARY, (edits, WORDS), generator=generator)
    held: EditKeys = ring(found, prompts, torch.randn(edits, RELATION_SIZE, generator=generator))
    table = drawn(VOCABULARY, D_MODEL)
    alike = SimilarTokens(found, lambda ids: table[ids])
    index = build_index([held], [edits], lambda ids: table[ids], alike)
    assert index is not None
    parts = [getattr(index, name) for name in KeyIndex.__dataclass_fields__]
    inside = [part for part in parts if isinstance(part, torch.Tensor)]
    statistics = list(found.tensors().values())
    return Keys(
        on_disk(list(held.tensors().values())),
        on_disk(statistics),
        held.size + bytes_of(statistics) + bytes_of(inside) + alike.size,
        alike.count,
    )


def shard(ratio: float, seed: int) -> tuple[int, int]:
    """Bytes of one shard on disk and in memory, from a part of its rows."""
    mask = random_mask((_ROWS, D_MODEL), ratio, seed)
    entries = int(mask.sum())
    chooser = np.random.default_rng(seed)
    stored = len(encode(bfloat16(chooser.normal(0.0, 0.01, entries)))[0]) + on_disk([pack(mask)])
    memory = MaskedDelta.under("", mask, torch.zeros(entries, dtype=torch.bfloat16))
    return round(stored * D_FF / _ROWS), round(memory.size * D_FF / _ROWS)


def row(edits: int, capacity: int, ratio: float, size: tuple[int, int], routed: Keys) -> dict[str, Any]:
    """Bytes an edit for one choice."""
    shards = math.ceil(edits / capacity)
    disk = (shards * size[0] + routed.disk + routed.statistics) / edits
    rest = (shards * size[1] + routed.memory) / edits
    return {
        "edits": edits,
        "capacity": capacity,
        "ratio": ratio,
        "shards": shards,
        "disk": round(disk),
        "memory": round(rest),
        "memory_while_one_answers": round(rest + DENSE / edits),
        "memory_dense": round((shards * DENSE + routed.memory) / edits),
        "fits": disk <= DISK and rest <= MEMORY,
    }


@click.command()
@click.option("--capacity", "capacities", multiple=True, type=int, default=(10, 50, 100, 200, 300, 500, 1000))
@click.option("--ratio", "ratios", multiple=True, type=float, default=(0.02, 0.05, 0.1, 0.2))
@click.option("--edits", "counts", multiple=True, type=int, default=(1000, 10_000))
@click.option("--seed", default=0)
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Folder that footprint.json goes to.")
def main(
    capacities: Sequence[int], ratios: Sequence[float], counts: Sequence[int], seed: int, out: Path | None
) -> None:
    """Print Markdown tables."""
    sizes = {ratio: shard(ratio, seed) for ratio in ratios}
    click.echo("| one shard, MB | disk | in memory | matrix |\n| --- | --- | --- | --- |")
    for ratio, (disk, memory) in sizes.items():
        click.echo(f"| ρ = {ratio:g} | {disk / 1e6:.1f} | {memory / 1e6:.1f} | {DENSE / 1e6:.1f} |")
    routed = {edits: keys(edits, seed) for edits in counts}
    click.echo("\n| keys | disk, B an edit | statistics, MB | in memory, MB | tokens |\n|" + " --- |" * 5)
    for edits, found in routed.items():
        click.echo(
            f"| T = {edits:,} | {found.disk / edits:.0f} | {found.statistics / 1e6:.2f} | {found.memory / 1e6:.1f} "
            f"| {found.tokens:,} |"
        )
    rows = [
        row(edits, capacity, ratio, sizes[ratio], routed[edits])
        for edits in counts
        for capacity in capacities
        for ratio in ratios
    ]
    for edits in counts:
        click.echo(
            f"\nT = {edits:,}: KB an edit on disk / in memory / while one memory answers; **bold** fits the aims\n"
        )
        click.echo("| edits a shard | " + " | ".join(f"ρ = {ratio:g}" for ratio in ratios) + " |")
        click.echo("| --- |" + " --- |" * len(ratios))
        for capacity in capacities:
            cells = []
            for ratio in ratios:
                one = next(
                    each
                    for each in rows
                    if (each["edits"], each["capacity"], each["ratio"]) == (edits, capacity, ratio)
                )
                names = ("disk", "memory", "memory_while_one_answers")
                text = " / ".join(f"{one[name] / 1e3:.0f}" for name in names)
                cells.append(f"**{text}**" if one["fits"] else text)
            click.echo(f"| {capacity} | " + " | ".join(cells) + " |")
    document = {
        "name": "footprint",
        "shape": [D_FF, D_MODEL],
        "dtype": "bfloat16",
        "seed": seed,
        "aims": {"disk": DISK, "memory": MEMORY},
        "shards": {f"{ratio:g}": {"disk": disk, "memory": memory} for ratio, (disk, memory) in sizes.items()},
        "rows": rows,
        "versions": {package: version(package) for package in ("wisedb", "torch")},
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "footprint.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
