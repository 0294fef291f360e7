"""The times of a latency run as rows, and the rows as Markdown."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.benchmarks.latency import Case


def ratio(pairs: Sequence[tuple[float, float]]) -> float:
    """Median of the paired ratios."""
    return median(after / before for before, after in pairs)


def spread(pairs: Sequence[tuple[float, float]]) -> float:
    """How far the median may be off: 1.25 standard errors, from the quartiles."""
    low, _, high = quantiles((after / before for before, after in pairs), n=4)
    return 1.25 * (high - low) / 1.35 / math.sqrt(len(pairs))


def rows_of(made: Sequence[Case], dtype: str, batch: int) -> list[dict[str, Any]]:
    """The figures, times the unedited model's."""
    return [
        {
            "dtype": dtype,
            "batch": batch,
            "router": case.router,
            "shards": case.shards,
            "routed": case.routed,
            "memories_that_answer": len(set(case.routes) - {-1}),
            "rows_that_are_routed": sum(route >= 0 for route in case.routes),
            **{
                name: value
                for what, pairs in (("prefill", case.prefill), ("decode", case.decode))
                for name, value in (
                    (what, round(ratio(pairs), 4)),
                    (f"{what}_error", round(spread(pairs), 4)),
                    (f"{what}_of_minima", round(min(b for _, b in pairs) / min(a for a, _ in pairs), 4)),
                    (f"{what}_pairs", len(pairs)),
                    (f"{what}_unedited_ms", round(1e3 * median(before for before, _ in pairs), 2)),
                )
            },
        }
        for case in made[1:]
    ]


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    found: dict[tuple[Any, ...], dict[int, dict[str, Any]]] = defaultdict(dict)
    counts = sorted({row["shards"] for row in rows if row["shards"]})
    for row in rows:
        found[row["dtype"], row["batch"], row["router"], row["routed"]][row["shards"]] = row
    titles = ["dtype", "batch", "router", "routed", *(f"{what}, {n}" for what in ("prefill", "decode") for n in counts)]
    lines = ["| " + " | ".join(titles) + " |", "| " + " | ".join("---" for _ in titles) + " |"]
    for key, own in found.items():
        cells = [
            f"{own[n][what]:.3f}" if n in own else (f"{own[0][what]:.3f}" if 0 in own and n == counts[0] else "")
            for what in ("prefill", "decode")
            for n in counts
        ]
        lines.append("| " + " | ".join([*map(str, key), *cells]) + " |")
    return "\n".join(lines)
