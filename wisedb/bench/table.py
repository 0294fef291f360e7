"""The rows as text: Markdown with the conditions that they were got under. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from wisedb.bench.plan import UNEDITED
from wisedb.bench.results import Row


def share(value: float | None) -> str:
    """A share between 0 and 1."""
    return "–" if value is None else f"{value:.3f}"


def times(value: float | None) -> str:
    """A factor."""
    return "–" if value is None else f"{value:.2f}×"


def seconds(value: float | None) -> str:
    """A duration in seconds."""
    return "–" if value is None else f"{value:.2f}"


def kilobytes(value: float | None) -> str:
    """A size in kB, decimal."""
    return "–" if value is None else f"{value / 1000:,.1f}"


def megabytes(value: float | None) -> str:
    """A size in MB, decimal."""
    return "–" if value is None else f"{value / 1_000_000:,.0f}"


COLUMNS: Final[tuple[tuple[str, str, Callable[[float | None], str]], ...]] = (
    ("rel.", "reliability", share),
    ("gen.", "generalization", share),
    ("loc.", "locality", share),
    ("EM", "exact_match", share),
    ("EM rephrase", "exact_match_rephrase", share),
    ("s/edit", "seconds_per_edit", seconds),
    ("prefill", "prefill_overhead", times),
    ("decode", "decode_overhead", times),
    ("kB/edit", "bytes_per_edit", kilobytes),
    ("peak MB", "peak_rss_bytes", megabytes),
)
"""Title, field, and how its values are written."""

TITLES: Final = ("T", "editor", "mode", *(title for title, _, _ in COLUMNS))

NOTE: Final = (
    "Rel., Gen.: target tokens that are the argmax, on the edits and on their rephrases. Loc.: agreement with the"
    " unedited model on unrelated prompts. EM: greedy answers that are the target, at their natural stop. Everything is"
    " measured after all T edits are written. Prefill and decode: time relative to the unedited model, batch 1."
)


def cells(row: Row) -> tuple[str, ...]:
    """One row of the table."""
    mode = "" if row.editor == UNEDITED else row.mode
    return f"{row.T:,}", row.editor, mode, *(form(getattr(row, name)) for _, name, form in COLUMNS)


def page(rows: Sequence[Row], conditions: Mapping[str, Any], command: str, date: str, pictures: Sequence[str]) -> str:
    """The table as a Markdown page.

    Args:
        rows: the rows, at least one.
        conditions: those of :meth:`wisedb.bench.plan.Plan.conditions`.
        command: what was typed.
        date: when the last row was measured.
        pictures: names of image files beside the page.
    """
    first = rows[0]
    pairs = [
        ("machine", conditions["machine"]),
        ("versions", ", ".join(f"{name} {version}" for name, version in conditions["versions"].items())),
        ("seed", first.seed),
        ("protocol", first.protocol.replace("-", " ")),
        ("settings", ", ".join(f"{name}={value}" for name, value in conditions["settings"].items()) or "the defaults"),
        ("date", date),
    ]
    lines = [
        f"# {first.data} on {first.model}",
        "",
        f"```sh\n{command}\n```",
        "",
        *(f"- {name}: {value}" for name, value in pairs),
        "",
        *(f"![Every figure against T]({picture})\n" for picture in pictures),
        _line(TITLES),
        _line(["---", "---", "---", *("---:" for _ in COLUMNS)]),
        *(_line(cells(row)) for row in rows),
        "",
        NOTE,
    ]
    return "\n".join(lines) + "\n"


def _line(texts: Sequence[str]) -> str:
    return f"| {' | '.join(texts)} |"
