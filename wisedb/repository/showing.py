"""The verbs that show history: each is bound to :class:`wisedb.repository.Repository` as a method."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wisedb.repository.turns import in_turn

if TYPE_CHECKING:
    from wisedb.edits import Edit
    from wisedb.repository.repository import Repository
    from wisedb.versioning.blame import BlameResult
    from wisedb.versioning.diff.facts import Diff
    from wisedb.versioning.index import Table
    from wisedb.versioning.life import EditDetails, FactEvent
    from wisedb.versioning.log import LogEntry, LogFilter
    from wisedb.versioning.show import CommitDetails


def log(
    repository: Repository,
    rev: str | Sequence[str] = "HEAD",
    n: int | None = None,
    wanted: LogFilter | None = None,
    *,
    every_ref: bool = False,
) -> list[LogEntry]:
    """The history of ``rev`` (revisions and ranges), newest first; see :func:`wisedb.versioning.log.log`."""
    from wisedb.versioning.log import log

    return log(repository.store, rev, n, wanted, every_ref=every_ref)


def show(repository: Repository, rev: str = "HEAD") -> CommitDetails:
    """One commit in full."""
    from wisedb.versioning.show import show

    return show(repository.store, rev)


def facts(repository: Repository, rev: str = "HEAD", n: int | None = None) -> list[Edit]:
    """The edits in force at ``rev``, in the order in which they came into force, at most the first ``n``."""
    from wisedb.store.facts import facts

    return facts(repository.store, rev, n)


@in_turn
def diff(
    repository: Repository,
    a: str = "HEAD",
    b: str | None = "HEAD",
    tensors: bool = False,
    behaviour: bool = False,
    subjects: Sequence[str] = (),
) -> Diff:
    """The facts that differ between two commits, and how the memories or the answers do.

    Without ``b`` it is HEAD with what is staged on top. With ``subjects`` only facts about these things are told.
    """
    from wisedb.versioning.diff import facts as fact_diff

    if b is None and not (tensors or behaviour):
        found = fact_diff.diff_staged(repository.store, a)
    else:
        found = fact_diff.diff(repository.store, a, b or "HEAD")
    if subjects:
        found = fact_diff.about(found, subjects)
    if tensors:
        from wisedb.versioning.diff.tensors import diff_tensors

        found = fact_diff.with_tensors(found, diff_tensors(repository.store, found.from_, found.to))
    if behaviour:
        from wisedb.versioning.diff.answers import diff_answers

        answers = diff_answers(repository.store, repository.base, found.from_, found.to, found.prompts)
        found = fact_diff.with_answers(found, answers)
    return found


def blame(repository: Repository, prompt: str, at: str = "HEAD", *, ask: bool = True) -> BlameResult:
    """Which edit and commit stand behind the answer to ``prompt``.

    Where no edit in force has this very prompt, nor a rephrase that is it, but one has words of it, the model is asked
    which one answers, unless ``ask`` is false; without a model that can be loaded a warning says so.
    """
    from wisedb.store.blame import NO_WORD
    from wisedb.versioning.blame import blame, blame_edit

    found = blame(repository.store, prompt, at)
    if found.edit is not None or not ask or not any(score > NO_WORD for _, _, score in found.candidates):
        return found
    from wisedb.errors import ModelError, WisedbWarning
    from wisedb.serving.explain import answering_edit

    try:
        base = repository.base
    except ModelError as error:
        warnings.warn(f"the model could not be asked: {error.message}", WisedbWarning, stacklevel=2)
        return found
    answering = answering_edit(repository.store, base, prompt, at)
    return found if answering is None else blame_edit(repository.store, prompt, answering, at)


def fact_life(repository: Repository, what: str, rev: str = "HEAD") -> list[FactEvent]:
    """Every turn in one fact's life, newest first; see :func:`wisedb.versioning.life.fact_life`."""
    from wisedb.versioning.life import fact_life

    return fact_life(repository.store, what, rev)


def show_edit(repository: Repository, edit_id: str) -> EditDetails:
    """One edit in full, and its fact's life; see :func:`wisedb.versioning.life.show_edit`."""
    from wisedb.versioning.life import show_edit

    return show_edit(repository.store, edit_id)


def search(repository: Repository, text: str) -> list[Edit]:
    """Edits that mention ``text``."""
    from wisedb.store.search import search

    return search(repository.store, text)


def sql(repository: Repository, query: str, *, timeout: float = 60.0) -> Table:
    """A read-only query over the index, stopped after so many seconds."""
    from wisedb.versioning.index import sql

    return sql(repository.store, query, timeout=timeout)
