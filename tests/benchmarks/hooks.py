"""What the hooks of side memories take of a prompt's time and of a further token's: a profile of one edited model.

The times of two models differ by a tenth for no reason of theirs; the time inside of the hooks differs less. It is that
of the processor. The profiler's own is in it, so that the figures are an upper bound.

    python -m tests.benchmarks.hooks
"""

from __future__ import annotations

import cProfile
import json
import pstats
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import torch

from tests.benchmarks.latency import Case, cases, conditions
from tests.benchmarks.llama import llama

_HOOKS = ("_before_call", "_after_embedding", "_before_block", "_after_module", "_after_call")
"""Methods of :class:`wisedb.memory.hooks.AttachedMemories`; none calls another of them."""
_STEPS = 8


def taken(case: Case, tokens: int, rounds: int) -> tuple[float, float]:
    """Seconds of one ``generate``: inside the hooks, under the profiler, and all of it without."""
    case.generate(tokens)
    begin = time.thread_time()
    for _ in range(rounds):
        case.generate(tokens)
    whole = time.thread_time() - begin
    profile = cProfile.Profile(time.thread_time)
    profile.enable()
    for _ in range(rounds):
        case.generate(tokens)
    profile.disable()
    found: dict[tuple[str, int, str], tuple[int, int, float, float, Any]] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    inside = sum(
        times[3] for (file, _, name), times in found.items() if file.endswith("memory/hooks.py") and name in _HOOKS
    )
    return inside / rounds, whole / rounds


def row(case: Case, rounds: int) -> dict[str, Any]:
    """Milliseconds in the hooks of a prompt and of one further token, and their shares."""
    first, prompt = taken(case, 1, rounds)
    more, longer = taken(case, 1 + _STEPS, rounds)
    step, token = (more - first) / _STEPS, (longer - prompt) / _STEPS
    return {
        "router": case.router,
        "shards": case.shards,
        "routed": case.routed,
        "prefill_ms": round(1e3 * first, 3),
        "prefill_share": round(first / (prompt - first), 4),
        "decode_ms": round(1e3 * step, 3),
        "decode_share": round(step / (token - step), 4),
    }


@click.command()
@click.option("--dtype", default="float32")
@click.option("--batch", default=1)
@click.option("--shards", "counts", multiple=True, type=int, default=(1, 4, 16))
@click.option("--router", "routers", multiple=True, default=("keys",))
@click.option("--edits", default=1000)
@click.option("--length", default=64)
@click.option("--rounds", default=20)
@click.option("--seed", default=0)
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Folder that the figures go to.")
def main(
    dtype: str,
    batch: int,
    counts: Sequence[int],
    routers: Sequence[str],
    edits: int,
    length: int,
    rounds: int,
    seed: int,
    out: Path | None,
) -> None:
    """Measure and print a Markdown table."""
    torch.set_num_threads(1)
    model = llama(getattr(torch, dtype), seed)
    made = [case for case in cases(model, batch, length, counts, routers, edits) if case.router != "unedited"]
    rows = [row(case, rounds) for case in made]
    click.echo("| router | shards | routed | ms of a prompt | share | ms of a step | share |")
    click.echo("| --- | --- | --- | --- | --- | --- | --- |")
    for each in rows:
        cells = [each[name] for name in ("router", "shards", "routed")]
        cells += [f"{each['prefill_ms']:.2f}", f"{each['prefill_share']:.1%}"]
        cells += [f"{each['decode_ms']:.2f}", f"{each['decode_share']:.1%}"]
        click.echo(f"| {' | '.join(map(str, cells))} |")
    if out is not None:
        settings = {"dtype": dtype, "batch": batch, "edits": edits, "prompt_tokens": length, "rounds": rounds}
        document = {"name": "hooks", **conditions(model), **settings, "seed": seed, "rows": rows}
        out.mkdir(parents=True, exist_ok=True)
        (out / f"hooks_{dtype}_{batch}.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
