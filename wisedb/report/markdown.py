"""A report as Markdown: what the page tells, without plots, and with foreign text as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wisedb.report.ai_act import Article
from wisedb.report.contents import Report
from wisedb.report.series import shares
from wisedb.sharing.markdown import plain
from wisedb.shown import shown_prompt


def markdown(report: Report, articles: Sequence[Article] = ()) -> str:
    """The whole document.

    Args:
        report: what it tells.
        articles: what the EU AI Act asks, told first.
    """
    return "\n".join([*_head(report), *_act(articles), *_facts(report), *_history(report), *_checked(report)]) + "\n"


def _head(report: Report) -> Iterator[str]:
    base = report.base
    yield f"# Report of commit {report.commit}"
    yield ""
    yield f"Made on {report.made} by wisedb {report.wisedb}. All times are UTC."
    yield ""
    yield from _table(
        ("what", "value"),
        [
            ("base model", plain(str(base["model"]))),
            ("revision", plain(str(base.get("revision") or "none"))),
            ("fingerprint", plain(str(base["fingerprint"]))),
            ("SHA-256 of the weights", plain(str(base["weights"]))),
            ("SHA-256 of the tokenizer", plain(str(base["tokenizer"]))),
            ("facts in force", str(len(report.facts))),
            ("commits", str(len(report.commits))),
            ("signed commits", f"{report.signed} of {len(report.commits)}"),
            ("integrity", "all is well" if report.integrity.ok else f"{len(report.integrity.problems)} problems"),
        ],
    )


def _act(articles: Sequence[Article]) -> Iterator[str]:
    for article in articles:
        yield f"## {article.title}"
        yield ""
        yield article.asks
        yield ""
        yield from _table(("what is here", "where"), [(item.what, item.where) for item in article.here])
        yield "What is missing:"
        yield ""
        yield from (f"- {item}" for item in article.missing)
        yield ""


def _facts(report: Report) -> Iterator[str]:
    yield "## Facts in force"
    yield ""
    columns = ["prompt", "answer now", "old answer", "why", "source", "tags", "author", "date", "commit"]
    if report.asked is not None:
        columns += ["the model, before", "the model, now", "in a chat, before", "in a chat, now"]
    rows = []
    for fact in report.facts:
        row = [shown_prompt(fact), *(fact.get(name) for name in ("target", "ground_truth", "reason", "source"))]
        row += [", ".join(fact["tags"]), fact["author"], fact["date"], (fact["commit"] or "")[:12]]
        if report.asked is not None:
            said = report.answers.get(fact["id"])
            row += ["not asked", "", "", ""] if said is None else list(said.to_json().values())
        rows.append([plain(str(value or "")) for value in row])
    yield from _table(columns, rows)


def _history(report: Report) -> Iterator[str]:
    yield "## Taken out of force"
    yield ""
    yield from _table(
        ("prompt", "answer taken out", "new answer", "author", "date", "commit", "why"),
        [
            [
                *(plain(text) for text in (taken.edit.shown, taken.edit.target)),
                "reverted" if taken.now is None else plain(taken.now.target),
                plain(taken.author),
                taken.date,
                taken.commit[:12],
                plain(taken.message),
            ]
            for taken in report.taken
        ],
    )
    yield "## Timeline"
    yield ""
    yield from _table(
        ("no.", "commit", "date", "author", "message", "added", "out of force", "not learned", "bytes"),
        [
            [
                *(str(row.number), row.commit[:12], row.date, plain(row.author), plain(row.message)),
                *(str(count) for count in (row.added, row.reverted, row.unlearned, row.bytes)),
            ]
            for row in reversed(report.commits)
        ],
    )
    yield "## Scores"
    yield ""
    yield from _table(
        ("no.", "commit", "measurement", "figure", "share"),
        [
            (str(point.number), point.commit[:12], plain(point.measured), point.series, f"{point.value:.3f}")
            for point in shares(report)
        ],
    )


def _checked(report: Report) -> Iterator[str]:
    yield "## Integrity"
    yield ""
    if report.integrity.ok:
        yield f"All is well: {report.integrity.objects} objects checked."
        return
    problems = [(each.kind, plain(each.object), plain(each.detail)) for each in report.integrity.problems]
    yield from _table(("problem", "object", "detail"), problems)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if not rows:
        yield "None."
        yield ""
        return
    yield f"| {' | '.join(columns)} |"
    yield f"|{' --- |' * len(columns)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""
