"""A report as bytes in one of its formats, and as a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wisedb.errors import UsageError
from wisedb.report.ai_act import Article, articles
from wisedb.report.contents import Report
from wisedb.store.files import Disk

FORMATS: Final = ("html", "md", "json", "csv", "parquet")
"""What a report can be."""


@dataclass(frozen=True, slots=True)
class Reported:
    """What was written.

    Attributes:
        path: the file.
        format: its format.
        facts: how many facts it tells.
        bytes: its length.
        commit: of which commit.
        ok: whether ``fsck`` found nothing wrong.
        asked: how many facts the model was asked of, ``None`` where it was not asked.
    """

    path: str
    format: str
    facts: int
    bytes: int
    commit: str
    ok: bool
    asked: int | None

    def to_json(self) -> dict[str, Any]:
        """As ``wisedb report --json`` prints it."""
        return {
            "path": self.path,
            "format": self.format,
            "facts": self.facts,
            "bytes": self.bytes,
            "commit": self.commit,
            "ok": self.ok,
            "asked": self.asked,
        }


def format_of(path: Path, asked: str | None) -> str:
    """The format that a file is to have: what is asked for, or what its ending says.

    Raises:
        UsageError: neither says one.
    """
    if asked is not None:
        return asked
    ending = path.suffix.lower().removeprefix(".")
    found = {"htm": "html", "markdown": "md"}.get(ending, ending)
    if found not in FORMATS:
        raise UsageError(
            f"the ending of {path} says no format of a report",
            hint=f"End it with .{', .'.join(FORMATS)}, or give --format.",
        )
    return found


def render(report: Report, format: str, *, ai_act: bool = False) -> bytes:
    """The report in a format.

    Args:
        report: what it tells.
        format: one of :data:`FORMATS`.
        ai_act: ordered by what the EU AI Act asks of a log; of ``csv`` and ``parquet``, which are the facts alone,
            nobody can ask that.

    Raises:
        UsageError: no such format, or ``ai_act`` with one that is a table.
    """
    if format not in FORMATS:
        raise UsageError(f"a report can't be {format!r}", hint=f"It can be {', '.join(FORMATS)}.")
    told: tuple[Article, ...] = articles(report) if ai_act else ()
    if format in ("csv", "parquet"):
        if ai_act:
            raise UsageError(f"{format} holds the facts alone", hint="Give --ai-act with html, md or json.")
        from wisedb.report.tables import to_csv, to_parquet

        return to_csv(report) if format == "csv" else to_parquet(report)
    if format == "json":
        document = report.to_json() | ({"ai_act": [article.to_json() for article in told]} if ai_act else {})
        return (json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()
    if format == "md":
        from wisedb.report.markdown import markdown

        return markdown(report, told).encode()
    from wisedb.report.page import page

    return page(report, told).encode()


def write(report: Report, path: Path, format: str, *, ai_act: bool = False) -> Reported:
    """Write a report to a file, whole or not at all.

    Raises:
        UsageError: as :func:`render`.
        NoSpace, StoreNotWritable: nothing was written.
    """
    data = render(report, format, ai_act=ai_act)
    Disk().write(path, data)
    return Reported(str(path), format, len(report.facts), len(data), report.commit, report.integrity.ok, report.asked)
