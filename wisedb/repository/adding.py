"""Staging edits and those of files, and what is told of them: verbs of :class:`wisedb.repository.Repository`."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wisedb.edits import Edit
from wisedb.errors import ConflictingEdits, WisedbWarning
from wisedb.versioning.status import Status

if TYPE_CHECKING:
    from wisedb.importers import BadLine, Given, How
    from wisedb.repository.repository import Repository


@dataclass(frozen=True, slots=True)
class Added(Status):
    """Where the store is after edits were staged.

    Attributes:
        given: the edits that were to be staged.
        replaced: what was staged before with the prompt of one of them, and no longer is.
        skipped: records that are no edits, where they were to be skipped.
        left_out: fields of the files that an edit has no place for, each with the number of records that had it.
    """

    given: tuple[Edit, ...] = ()
    replaced: tuple[Edit, ...] = ()
    skipped: tuple[BadLine, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As ``wisedb add --json`` prints it: the status, and what became of the files' records."""
        return {
            **Status.to_json(self),
            "replaced": [edit.to_json() for edit in self.replaced],
            "skipped": [line.problem.details() for line in self.skipped],
            "left_out": dict(self.left_out),
        }


def status(repository: Repository) -> Status:
    """The branch, HEAD, what is staged, the index's health."""
    from wisedb.versioning.status import status

    return status(repository.store)


def unstage(repository: Repository, ids: Iterable[str] | None = None) -> Status:
    """Take staged edits out by id, or all of them.

    Raises:
        UnknownEdit, AmbiguousId: see :meth:`wisedb.store.staging.Staging.remove`.
    """
    if ids is None:
        repository.store.staging.clear()
    else:
        repository.store.staging.remove(ids)
    return repository.status()


def add(
    repository: Repository,
    edits: Given | Iterable[Given],
    *,
    how: How | None = None,
    replace: bool = False,
    skip_bad: bool = False,
) -> Added:
    """Stage edits, and those of files in any layout that :mod:`wisedb.importers` knows: all of them or none.

    Args:
        repository: where to.
        edits: edits, files, and folders with files.
        how: how the files are to be understood.
        replace: whether an edit takes the place of a staged one with its prompt and another target.
        skip_bad: stage the rest where some records are no edits.

    Raises:
        BadRecord, InputError: a file can't be taken.
        ConflictingEdits: one prompt would have two targets.
    """
    from wisedb import importers

    reading = importers.read(edits, how)
    if not skip_bad:
        importers.refuse_bad(reading)
        for _, line in reading.contrary:
            raise ConflictingEdits(line.problem.message, hint=line.problem.hint)
    for line in reading.bad:
        if not line.text:
            raise line.problem
    contrary = {id(edit) for edit, _ in reading.contrary}
    given = tuple(edit for edit in reading.edits if id(edit) not in contrary)
    skipped = (*reading.bad, *(line for _, line in reading.contrary))
    warn_of(given)
    before = repository.store.staging.edits()
    after = {edit.id for edit in repository.store.staging.add(given, replace=replace)}
    gone = tuple(edit for edit in before if edit.id not in after)
    now = repository.status()
    return Added(
        now.branch,
        now.head,
        now.staged,
        now.index,
        now.distance,
        given=given,
        replaced=gone,
        skipped=skipped,
        left_out=reading.left_out,
    )


def warn_of(edits: Sequence[Edit], left_out: Mapping[str, int] | None = None) -> None:
    """Warn of edits whose subject is not in their prompt, and of those that an earlier one of them stands for.

    Args:
        edits: the edits.
        left_out: fields of their files that an edit has no place for, each with the number of records that had it:
            these too are told, where the caller doesn't.
    """
    first: dict[str, Edit] = {}
    repeated = []
    for edit in edits:
        earlier = first.setdefault(edit.key, edit)
        if earlier.id != edit.id and earlier.target == edit.target:
            repeated.append(edit)
    astray = [edit for edit in edits if edit.subject is not None and not edit.names_subject]
    if astray:
        one = astray[0]
        warnings.warn(
            f"{_several(len(astray), 'edit')} with a subject that is not in the prompt, such as {one.subject!r} in"
            f" {one.prompt!r}: the prompt is looked through for one instead",
            WisedbWarning,
            stacklevel=3,
        )
    if repeated:
        warnings.warn(
            f"{_several(len(repeated), 'edit')} with prompt and target of an earlier one and other fields, such as"
            f" {repeated[0].prompt!r}: the earlier one is kept",
            WisedbWarning,
            stacklevel=3,
        )
    warn_left_out(left_out or {})


def warn_left_out(left_out: Mapping[str, int]) -> None:
    """Warn of fields of files that an edit has no place for.

    Args:
        left_out: those, each with the number of records that had it.
    """
    if left_out:
        told = ", ".join(f"{name} ({count:,})" for name, count in left_out.items())
        warnings.warn(f"left out, since an edit has no place for it: {told}", WisedbWarning, stacklevel=4)


def _several(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
