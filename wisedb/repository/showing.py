"""The verbs that show history: each is bound to :class:`wisedb.repository.Repository` as a method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisedb.edits import Edit
from wisedb.repository.turns import in_turn
from wisedb.store import history
from wisedb.versioning import reports
from wisedb.versioning.diff import facts as fact_diff

if TYPE_CHECKING:
    from wisedb.repository.repository import Repository
    from wisedb.versioning.diff.facts import Diff
    from wisedb.versioning.reports import BlameResult, CommitDetails, LogEntry, Table


def log(repository: Repository, rev: str = "HEAD", n: int | None = None) -> list[LogEntry]:
    """The history of ``rev``, newest first."""
    return reports.log(repository.store, rev, n)


def show(repository: Repository, rev: str = "HEAD") -> CommitDetails:
    """One commit in full."""
    return reports.show(repository.store, rev)


def facts(repository: Repository, rev: str = "HEAD", n: int | None = None) -> list[Edit]:
    """The edits in force at ``rev``, in the order in which they came into force, at most the first ``n``."""
    return history.facts(repository.store, rev, n)


@in_turn
def diff(repository: Repository, a: str, b: str = "HEAD", tensors: bool = False, behaviour: bool = False) -> Diff:
    """The facts that differ between two commits, and how the memories or the answers do."""
    found = fact_diff.diff(repository.store, a, b)
    if tensors:
        from wisedb.versioning.diff.tensors import diff_tensors

        found = fact_diff.with_tensors(found, diff_tensors(repository.store, found.from_, found.to))
    if behaviour:
        from wisedb.versioning.diff.answers import diff_answers

        answers = diff_answers(repository.store, repository.base, found.from_, found.to, found.prompts)
        found = fact_diff.with_answers(found, answers)
    return found


def blame(repository: Repository, prompt: str, at: str = "HEAD") -> BlameResult:
    """Which edit and commit stand behind the answer to ``prompt``."""
    return reports.blame(repository.store, prompt, at)


def search(repository: Repository, text: str) -> list[Edit]:
    """Edits that mention ``text``."""
    return history.search(repository.store, text)


def sql(repository: Repository, query: str) -> Table:
    """A read-only query over the index."""
    return reports.sql(repository.store, query)
