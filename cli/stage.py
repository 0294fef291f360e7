"""``add``, ``edit``, ``status`` and ``unstage``: what the next commit takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from wisedb.edits import Edit

from . import render
from .options import command, files_argument
from .session import Session


@command("wisedb add corrections.jsonl", "wisedb add zsre.json counterfact.json")
@files_argument(required=True)
def add(session: Session, files: tuple[Path, ...]) -> None:
    """Stage every edit of the files.

    JSON, JSON lines, CSV and Parquet are read, in wisedb's own layout or that of ZsRE, CounterFact, KnowEdit,
    WikiBigEdit or QAEdit. A file with a bad record names it, and nothing is staged.
    """
    _show(session, session.repository().add(list(files)))


@command(
    'wisedb edit "The capital of Australia is" Canberra',
    'wisedb edit "The capital of Australia is" Canberra --subject Australia --reason "wrong in the FAQ"',
)
@click.argument("prompt")
@click.argument("target")
@click.option("--subject", metavar="S", help="What the prompt is about, as it stands in the prompt.")
@click.option("--rephrase", "rephrases", metavar="R", multiple=True, help="Another wording, for measuring only.")
@click.option("--ground-truth", metavar="TEXT", help="What the unedited model (or the world) says.")
@click.option("--source", metavar="TEXT", help="Where the correction comes from.")
@click.option("--reason", metavar="TEXT", help="Why it is made.")
@click.option("--tag", "tags", metavar="T", multiple=True, help="A free label; may be given several times.")
def edit(
    session: Session,
    prompt: str,
    target: str,
    subject: str | None,
    rephrases: tuple[str, ...],
    ground_truth: str | None,
    source: str | None,
    reason: str | None,
    tags: tuple[str, ...],
) -> None:
    """Stage one edit by hand.

    At PROMPT the model shall answer TARGET, given with or without its leading space.
    """
    made = Edit(
        prompt=prompt,
        target=target,
        subject=subject,
        rephrases=rephrases,
        ground_truth=ground_truth,
        source=source,
        reason=reason,
        tags=tags,
    )
    _show(session, session.repository().add([made]))


@command("wisedb status", "wisedb status --json")
def status(session: Session) -> None:
    """Show the branch, what is staged, and the health of the index."""
    _show(session, session.repository().status())


@command("wisedb unstage", "wisedb unstage 1f3a")
@click.argument("edits", metavar="[EDIT]...", nargs=-1)
def unstage(session: Session, edits: tuple[str, ...]) -> None:
    """Take edits out of the next commit.

    EDIT is the id of a staged edit, 4 or more digits; without one, all are taken out.
    """
    _show(session, session.repository().unstage(list(edits) if edits else None))


def _show(session: Session, status: Any) -> None:
    session.show(status.to_json(), situation)


def situation(status: Mapping[str, Any]) -> render.Lines:
    """The branch and what is staged."""
    head = status["head"]
    where = f"On branch {status['branch']}" if status["branch"] else "On no branch"
    yield render.line(where, ", at " if head else ", no commit yet", render.ident(head) if head else None)
    if status["index"] not in ("ok", "caught-up"):  # what a person can do nothing about, and needn't
        yield render.line(("index: ", "dim"), status["index"])
    staged: Sequence[Mapping[str, Any]] = status["staged"]
    if staged:
        yield render.line(f"{render.plural(len(staged), 'edit')} staged:")
    yield from render.edits(staged, "Nothing is staged.")
