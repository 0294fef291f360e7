"""What the EU AI Act asks of a log, and what of it a store holds: Regulation (EU) 2024/1689, Articles 12, 19, 26, 72.

It orders what is there and names what isn't. It is no legal advice, and says nothing of whether the Act applies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wisedb.report.contents import Report


@dataclass(frozen=True, slots=True)
class Item:
    """Something that a store holds.

    Attributes:
        what: what it is, with this report's figures.
        where: the report's section or the command.
    """

    what: str
    where: str


@dataclass(frozen=True, slots=True)
class Article:
    """One article.

    Attributes:
        title: its number and name.
        asks: what it asks of a log, in short.
        here: what of that is here.
        missing: what isn't, each with what would mend it.
    """

    title: str
    asks: str
    here: tuple[Item, ...]
    missing: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        here = [{"what": item.what, "where": item.where} for item in self.here]
        return {"title": self.title, "asks": self.asks, "here": here, "missing": list(self.missing)}


def articles(report: Report) -> tuple[Article, ...]:
    """The four articles, with what this report has of them."""
    return (_record_keeping(report), _logs_of_providers(report), _logs_of_deployers(report), _monitoring(report))


def _record_keeping(report: Report) -> Article:
    here = (
        Item(
            f"{len(report.commits)} commits, each with author, time, reason, the edits that it brought or took out, "
            "editor, settings, seed and software versions: every change of the system after it was made",
            "Timeline of commits",
        ),
        Item(
            f"{len(report.facts)} facts in force with source, reason and the commit that brought each", "Facts in force"
        ),
        Item(f"{len(report.taken)} times a fact was put out of force, with who did it and why", "Taken out of force"),
        Item("the base model by the SHA-256 of its weights and tokenizer", "Base model and summary"),
        Item(
            "all objects named by their SHA-256: " + ("checked, all is well" if report.integrity.ok else "NOT intact"),
            "Integrity",
        ),
    )
    missing = [
        "The events of use (Art. 12(2)): a store logs how the system was changed and not what it answered. Log "
        "prompts, answers and times where the model is served.",
        *_unmeasured(report),
        *_unexplained(report),
        *_incidental(report),
        *_unsigned(report),
    ]
    return Article(
        "Article 12: record-keeping",
        "Events over the system's lifetime are recorded automatically, so that risks and substantial modifications can "
        "be found, and the system's operation can be monitored.",
        here,
        tuple(missing),
    )


def _logs_of_providers(report: Report) -> Article:
    return Article(
        "Article 19: automatically generated logs (providers)",
        "Logs under the provider's control are kept for a period that fits the purpose, of at least six months.",
        _kept(report),
        (
            "A retention period: a store keeps history without an end, but nothing in it promises that. Say in your "
            "own rules how long, who may run `wisedb gc --prune`, and where copies are.",
            "Logs of operation: see Article 12.",
        ),
    )


def _logs_of_deployers(report: Report) -> Article:
    return Article(
        "Article 26(6): logs kept by deployers",
        "Deployers keep the logs under their control for a period that fits the purpose, of at least six months.",
        _kept(report),
        (
            "What was asked and answered in use: a deployer has to log it where it serves the model.",
            "Which commit was served when: write down what `wisedb rev-parse HEAD` prints, with every deployment.",
        ),
    )


def _monitoring(report: Report) -> Article:
    measured = sum(1 for row in report.commits if set(row.scores) - {"commit"})
    return Article(
        "Article 72: post-market monitoring",
        "Data on the performance of the system is collected and analysed throughout its lifetime.",
        (
            Item(f"{measured} of {len(report.commits)} commits measured by `wisedb eval`", "Scores and costs"),
            Item(
                f"{sum(row.unlearned for row in report.commits)} edits that were not learned when they were written",
                "Timeline of commits",
            ),
        ),
        (
            *_unmeasured(report),
            "A monitoring plan, and data from real use: both are outside of a store.",
            "Serious incidents (Art. 73): a store has no place for reports. Name the incident in the reason of the "
            "edit that mends it.",
        ),
    )


def _kept(report: Report) -> tuple[Item, ...]:
    dates = sorted(datetime.fromisoformat(row.date) for row in report.commits)
    days = (dates[-1] - dates[0]).days if dates else 0
    first = dates[0].date().isoformat() if dates else "none"
    return (
        Item(
            f"history since {first}, {days} days up to its newest commit; nothing of it was cut", "Timeline of commits"
        ),
        Item(f"{len(report.reflog)} moves of HEAD in this copy of the store", "Moves of HEAD"),
    )


def _unmeasured(report: Report) -> Iterator[str]:
    if report.commits and not _measured(report.commits[-1].scores):
        yield "Measurements of the commit that is told here: run `wisedb eval`, and `wisedb eval --forms`."


def _unexplained(report: Report) -> Iterator[str]:
    for field, told in (("reason", "a reason"), ("source", "a source")):
        count = sum(1 for fact in report.facts if not fact.get(field))
        if count:
            yield f"{told.capitalize()} of {count} of {len(report.facts)} facts in force: edits have a field for it."


def _unsigned(report: Report) -> Iterator[str]:
    count = len(report.commits) - report.signed
    if count:
        yield f"A signature that counts on {count} of {len(report.commits)} commits: `wisedb commit -S`."


def _incidental(report: Report) -> Iterator[str]:
    nobody = sum(1 for row in report.commits if row.author in ("", "unknown"))
    if nobody:
        yield f"An author of {nobody} of {len(report.commits)} commits: set user.name by `wisedb config`."
    if not report.integrity.ok:
        yield "An intact store: see Integrity, and restore what is damaged from a remote or a backup."


def _measured(scores: Mapping[str, Any]) -> bool:
    return bool(set(scores) - {"commit"})
