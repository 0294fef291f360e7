"""The rows as text: Markdown with the conditions that they were got under. No torch."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from io import StringIO
from statistics import mean, stdev
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


def billions(value: float | None) -> str:
    """A count in units of 10⁹."""
    return "–" if value is None else f"{value / 1e9:,.1f}"


Column = tuple[str, str, Callable[[float | None], str]]
"""Title, field, and how its values are written."""

_SHARES: Final[tuple[Column, ...]] = (
    ("rel.", "reliability", share),
    ("gen.", "generalization", share),
    ("loc.", "locality", share),
    ("text", "text_agreement", share),
    ("forced", "forced_agreement", share),
)
_SAID: Final[dict[str, tuple[Column, ...]]] = {
    "raw": (
        ("EM", "exact_match", share),
        ("EM rephrase", "exact_match_rephrase", share),
        ("right", "right_by_text", share),
        ("right rephrase", "right_by_text_rephrase", share),
    ),
    "chat": (("says it", "says_it", share), ("says it rephrase", "says_it_rephrase", share)),
}
_COSTS: Final[tuple[Column, ...]] = (
    ("s/edit", "seconds_per_edit", seconds),
    ("prefill", "prefill_overhead", times),
    ("decode", "decode_overhead", times),
    ("kB/edit", "bytes_per_edit", kilobytes),
    ("peak MB", "peak_rss_bytes", megabytes),
)
# Shown where a row has them.
_MORE: Final[tuple[Column, ...]] = (
    ("portability", "portability", share),
    ("off: back", "disabled_restored", share),
    ("off: kept", "disabled_kept", share),
    ("undo s", "undo_seconds", seconds),
    ("undo: back", "undo_restored", share),
    ("undo: kept", "undo_kept", share),
    ("GFLOP/edit", "flops_per_edit", billions),
)

_NOTE: Final = (
    "Rel., Gen.: target tokens that are the argmax, on the edits and on their rephrases. Text: tokens of the unedited"
    " model's own text behind unrelated prompts that stay the argmax; forced: the same where a memory is forced on. "
)
_NOTES: Final = {
    "raw": (
        "Loc.: agreement with the unedited model on unrelated prompts. EM: greedy answers that are the target, at their"
        " natural stop; right: those that have the target's words and not the old answer's, and end by themselves."
    ),
    "chat": (
        "Everything is asked behind the chat template. Loc.: replies to unrelated prompts that are the unedited"
        " model's, word for word. Says it: greedy replies with the target's words and not the old answer's."
    ),
}
_COST_NOTE: Final = (
    " Everything is measured after all T edits are written. Prefill and decode: time relative to the unedited model,"
    " batch 1."
)
_OFF_NOTE: Final = (
    "Off: edits whose answer is the unedited model's again, word for word, where their memory is switched off, and"
    " whose answer stays where a random other one is."
)
_UNDO_NOTE: Final = (
    "Undo: seconds of reverting one edit; whether its answer is the unedited model's again; other answers that stay."
)

SPREAD: Final = "Means over the seeds, ± their standard deviation."


def columns(rows: Sequence[Row]) -> tuple[Column, ...]:
    """The figures that are shown of rows, which are all of one format."""
    more = [column for column in _MORE if any(getattr(row, column[1]) is not None for row in rows)]
    return (*_SHARES, *_SAID[rows[0].format], *_COSTS, *more)


def titles(rows: Sequence[Row]) -> tuple[str, ...]:
    """The titles of :func:`lines`."""
    return "T", "editor", "mode", *(title for title, _, _ in columns(rows))


def lines(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """The table's lines: one for the rows that differ in their seed alone, where the first of them stands."""
    shown = columns(rows)
    return [_cells(group, shown) for group in by_seed(rows)]


def by_seed(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows in groups that differ in their seed alone."""
    groups: dict[tuple[str, int, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.editor, row.T, row.mode), []).append(row)
    return list(groups.values())


def seeds_of(rows: Sequence[Row]) -> str:
    """The seeds of the rows, each once, as people read them."""
    found = sorted({row.seed for row in rows})
    return f"seed{'s' if len(found) > 1 else ''} {', '.join(map(str, found))}"


def values_of(group: Sequence[Row], name: str) -> list[float]:
    """One figure of some rows, where it was measured."""
    return [float(value) for row in group if (value := getattr(row, name)) is not None]


def _cells(group: Sequence[Row], shown: Sequence[Column]) -> tuple[str, ...]:
    first = group[0]
    mode = "" if first.editor == UNEDITED else first.mode
    return (
        f"{first.T:,}",
        first.editor,
        mode,
        *(_cell(values_of(group, name), form) for _, name, form in shown),
    )


def _cell(values: Sequence[float], form: Callable[[float | None], str]) -> str:
    if len(values) < 2:
        return form(values[0] if values else None)
    return f"{form(mean(values))} ±{form(stdev(values))}"


def sheet(rows: Sequence[Row]) -> str:
    """All figures of all rows as CSV, one line a row, with the fields' names above."""
    text = StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Row)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.to_json() for row in rows)
    return text.getvalue()


def page(
    rows: Sequence[Row], conditions: Mapping[str, Any], command: str, date: str, pictures: Mapping[str, str]
) -> str:
    """The table as a Markdown page.

    Args:
        rows: the rows, at least one.
        conditions: those of :meth:`wisedb.bench.plan.Plan.conditions`.
        command: what was typed.
        date: when the last row was measured.
        pictures: names of image files beside the page, each with what it shows.
    """
    first = rows[0]
    pairs = [
        ("machine", conditions["machine"]),
        ("versions", ", ".join(f"{name} {version}" for name, version in conditions["versions"].items())),
        ("seeds", seeds_of(rows).partition(" ")[2]),
        ("subjects", "given" if first.subjects else "taken out of the stream"),
        ("protocol", first.protocol.replace("-", " ")),
        ("settings", ", ".join(f"{name}={value}" for name, value in conditions["settings"].items()) or "the defaults"),
        ("date", date),
    ]
    text = [
        f"# {first.data} on {first.model}",
        "",
        f"```sh\n{command}\n```",
        "",
        *(f"- {name}: {value}" for name, value in pairs),
        "",
        *(f"![{told}]({picture})\n" for picture, told in pictures.items()),
        _line(titles(rows)),
        _line(["---", "---", "---", *("---:" for _ in columns(rows))]),
        *(_line(texts) for texts in lines(rows)),
        "",
        note(rows),
    ]
    return "\n".join(text) + "\n"


def note(rows: Sequence[Row]) -> str:
    """What the figures of these rows are."""
    leaked = max((row.leaked_rephrases or 0 for row in rows), default=0)
    parts = [_NOTE + _NOTES[rows[0].format] + _COST_NOTE]
    if any(row.disabled_restored is not None for row in rows):
        parts.append(_OFF_NOTE)
    if any(row.undo_seconds is not None for row in rows):
        parts.append(_UNDO_NOTE)
    if leaked:
        parts.append(f"Up to {leaked:,} rephrases are left out, because training saw their words.")
    if len({row.seed for row in rows}) > 1:
        parts.append(SPREAD)
    return " ".join(parts)


def _line(texts: Sequence[str]) -> str:
    return f"| {' | '.join(texts)} |"
