"""What a comparison with the public implementation shows, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as a Markdown table."""
    lines = ["| " + " | ".join(title for title, _ in COLUMNS) + " |", "| " + " | ".join("---" for _ in COLUMNS) + " |"]
    for row in rows:
        flat = {**row, **row.get("seconds", {}), "cpu": row.get("cpu_seconds", {}).get("mean")}
        lines.append("| " + " | ".join(_cell(flat.get(key)) for _, key in COLUMNS) + " |")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
