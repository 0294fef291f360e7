"""The rows of an ablation as Markdown: what the defaults give, and how far each variant lies from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

FIGURES = {
    "reliability": "Rel.",
    "generalization": "Gen.",
    "locality": "Loc.",
    "exact_match": "EM",
    "exact_match_rephrase": "EM rephrase",
    "recall_at_1_rephrase": "recall@1 rephrase",
    "false_fire": "false fires",
    "behind_reliability": "Rel. behind",
    "behind_exact_match": "EM behind",
    "cpu_seconds_per_edit": "CPU s/edit",
}
"""Columns: a row's field, and its title."""


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: of each data set what the defaults give, and how far each variant lies from them; then over all sets.

    A difference is taken seed by seed. Behind a mean stands its spread over the seeds, largest less smallest. Over all
    sets a difference is the mean of theirs, and the spread is the defaults' own, the mean of theirs: what gives less
    than that can't be told from another seed.
    """
    parts = []
    for protocol, edits in dict.fromkeys((row["protocol"], row["edits"]) for row in rows):
        some = [row for row in rows if (row["protocol"], row["edits"]) == (protocol, edits)]
        sets = dict.fromkeys(row["data"] for row in some)
        found = {name: _compared([row for row in some if row["data"] == name]) for name in sets}
        for name, compared in found.items():
            lines = [_line(variant, cells) for variant, cells in compared.items()]
            title = f"{name}, {edits} edits, {protocol}"
            parts.append(_titled(title, ["variant", "seeds", *FIGURES.values()], lines))
        if len(sets) > 1:
            title = f"{', '.join(sets)}: {edits} edits, {protocol}"
            parts.append(_titled(title, ["variant", "sets", *FIGURES.values()], _over_all(list(found.values()))))
    return "\n\n".join(parts)


Cells = Mapping[str, Sequence[float]]
"""By figure, one number a seed."""


def _compared(rows: Sequence[Mapping[str, Any]]) -> dict[str, Cells]:
    # The defaults' figures, and of the other variants what they differ by.
    plain = {row["seed"]: row for row in rows if row["variant"] == "default"}
    found: dict[str, Cells] = {}
    for variant in dict.fromkeys(["default", *(row["variant"] for row in rows)]):
        own = [row for row in rows if row["variant"] == variant and row["seed"] in plain]
        found[variant] = {
            name: [
                row[name] - (0.0 if variant == "default" else plain[row["seed"]][name])
                for row in own
                if row[name] is not None
            ]
            for name in FIGURES
        }
    return found


def _over_all(found: Sequence[Mapping[str, Cells]]) -> list[str]:
    spreads = [[max(seeds) - min(seeds) for seeds in each["default"].values()] for each in found]
    lines = [f"| spread of the defaults | {len(found)} | {_means(spreads, '.3f')} |"]
    for variant in dict.fromkeys(name for each in found for name in each if name != "default"):
        sets = [[mean(seeds) for seeds in each[variant].values()] for each in found if variant in each]
        lines.append(f"| {variant} | {len(sets)} | {_means(sets, '+.3f')} |")
    return lines


def _means(rows: Sequence[Sequence[float]], form: str) -> str:
    return " | ".join(format(mean(column), form) for column in zip(*rows, strict=True))


def _line(variant: str, cells: Cells) -> str:
    form = ".3f" if variant == "default" else "+.3f"
    texts = [
        f"{mean(seeds):{form}}" + (f" ({max(seeds) - min(seeds):.3f})" if len(seeds) > 1 else "") if seeds else ""
        for seeds in cells.values()
    ]
    return f"| {variant} | {max(map(len, cells.values()))} | {' | '.join(texts)} |"


def _titled(title: str, columns: Sequence[str], lines: Sequence[str]) -> str:
    head = [f"**{title}**", "", f"| {' | '.join(columns)} |", f"| {' | '.join('---' for _ in columns)} |"]
    return "\n".join([*head, *lines])
