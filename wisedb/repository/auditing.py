"""The verbs of whoever checks a store: each is bound to :class:`wisedb.repository.Repository` as a method."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wisedb.progress import Listener
from wisedb.repository.upkeep import fsck

if TYPE_CHECKING:
    from wisedb.report.write import Reported
    from wisedb.repository.repository import Repository
    from wisedb.signing.verdict import Trust


def report(
    repository: Repository,
    path: str | Path,
    rev: str = "HEAD",
    *,
    format: str | None = None,
    ask: bool = False,
    limit: int | None = None,
    ai_act: bool = False,
    trust: Trust | None = None,
    progress: Listener | None = None,
) -> Reported:
    """Write a report of ``rev`` to a file, in the format that its ending says where none is given.

    With ``ask`` the model answers the prompts of the facts in force, or of the newest ``limit``, unedited and edited;
    with ``ai_act`` the report is ordered by what the EU AI Act asks of a log. ``trust`` says whose signatures count; by
    default nobody vouches for an SSH key. See :mod:`wisedb.report`.
    """
    from wisedb.report.contents import gather
    from wisedb.report.write import format_of, render, write
    from wisedb.signing.verdict import Trust

    chosen = format_of(Path(path), format)
    found = gather(repository.store, rev, fsck(repository), trust or Trust())
    if ai_act:
        render(found, chosen, ai_act=True)  # what can't be is said before anybody waits for a model
    if ask:
        from wisedb.report.answers import with_answers

        with repository.turn:
            found = with_answers(found, repository.store, repository.base, limit=limit, progress=progress)
    return write(found, Path(path), chosen, ai_act=ai_act)
