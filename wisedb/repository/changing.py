"""The verbs that make history: each is bound to :class:`wisedb.repository.Repository` as a method."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wisedb.config import Setting
from wisedb.progress import Listener
from wisedb.repository.turns import in_turn
from wisedb.store.signature import Author, Signature

if TYPE_CHECKING:
    from wisedb.edits import Edit
    from wisedb.repository.repository import Repository
    from wisedb.signing.signer import Sign
    from wisedb.versioning.cherry_pick import CherryPickResult
    from wisedb.versioning.head import HeadMove
    from wisedb.versioning.merging.choices import Choices
    from wisedb.versioning.merging.result import MergeResult
    from wisedb.versioning.proposal import CommitResult


@in_turn
def commit(
    repository: Repository,
    edits: Edit | str | Path | Iterable[Edit | str | Path] | None = None,
    message: str = "",
    *,
    author: Author | None = None,
    date: str | None = None,
    sign: Sign | None = None,
    editor: str | None = None,
    seed: int | None = None,
    settings: Mapping[str, Setting] | None = None,
    again: bool = False,
    strict: bool = False,
    progress: Listener | None = None,
) -> CommitResult:
    """Train edits, by default what is staged, and record them; see :mod:`wisedb.versioning.commit`."""
    signature = Signature(message, author, date, sign)
    given = repository.store.staging.edits() if edits is None else _read(edits)
    from wisedb.versioning.commit import check_commit, commit_edits

    # Before anybody waits for a model.
    check_commit(repository.store, given, signature, editor, settings, again)
    return commit_edits(
        repository.store,
        repository.base,
        given,
        signature,
        editor=editor,
        seed=seed,
        settings=settings,
        again=again,
        strict=strict,
        progress=progress,
    )


@in_turn
def amend(
    repository: Repository,
    edits: Edit | str | Path | Iterable[Edit | str | Path] | None = None,
    message: str = "",
    *,
    author: Author | None = None,
    date: str | None = None,
    sign: Sign | None = None,
    editor: str | None = None,
    seed: int | None = None,
    settings: Mapping[str, Setting] | None = None,
    strict: bool = False,
    progress: Listener | None = None,
) -> CommitResult:
    """Make the newest commit anew, with edits as well (by default what is staged), another message or author.

    See :func:`wisedb.versioning.amend.amend`.
    """
    from wisedb.versioning.amend import amend

    given = repository.store.staging.edits() if edits is None else _read(edits)
    return amend(
        repository.store,
        lambda: repository.base,
        given,
        Signature(message, author, date, sign),
        editor=editor,
        seed=seed,
        settings=settings,
        strict=strict,
        progress=progress,
    )


def _read(edits: Edit | str | Path | Iterable[Edit | str | Path]) -> Sequence[Edit]:
    from wisedb import importers
    from wisedb.repository.adding import warn_of

    reading = importers.refuse_bad(importers.read(edits))
    warn_of(reading.edits, reading.left_out)
    return reading.edits


@in_turn
def import_easyedit(
    repository: Repository,
    path: str | Path,
    message: str,
    *,
    author: Author | None = None,
    date: str | None = None,
    sign: Sign | None = None,
    progress: Listener | None = None,
) -> CommitResult:
    """Take over an EasyEdit checkpoint; see :func:`wisedb.versioning.import_easyedit.import_easyedit`."""
    from wisedb.versioning.import_easyedit import import_easyedit

    repository.store.check_writable()
    return import_easyedit(
        repository.store, repository.base, Path(path), Signature(message, author, date, sign), progress=progress
    )


def rollback(
    repository: Repository,
    rev: str,
    message: str | None = None,
    *,
    author: Author | None = None,
    date: str | None = None,
    sign: Sign | None = None,
) -> HeadMove:
    """The state of ``rev`` again, as a new commit; see :func:`wisedb.versioning.rollback.rollback`."""
    from wisedb.versioning.rollback import rollback

    return rollback(repository.store, rev, Signature(message or "", author, date, sign))


@in_turn
def revert(
    repository: Repository,
    ids_or_rev: str | Iterable[str],
    message: str | None = None,
    *,
    mainline: int | None = None,
    author: Author | None = None,
    date: str | None = None,
    sign: Sign | None = None,
    progress: Listener | None = None,
) -> HeadMove:
    """Take single facts out, or all that a commit changed; see :func:`wisedb.versioning.revert.revert_edits`."""
    from wisedb.versioning.head import HeadMove
    from wisedb.versioning.revert import revert_edits

    repository.store.check_writable()
    what = [ids_or_rev] if isinstance(ids_or_rev, str) else list(ids_or_rev)
    before = repository.store.refs.head().commit
    signature = Signature(message or "", author, date, sign)
    made = revert_edits(repository.store, repository.base, what, signature, mainline=mainline, progress=progress)
    return HeadMove(made.commit, made.branch, before, made.added, made.reverted)


@in_turn
def merge(
    repository: Repository,
    rev: str,
    message: str | None = None,
    *,
    side: str | None = None,
    resolve: str | Path | Mapping[str, Any] | None = None,
    fast_forward: str = "auto",
    allow_unrelated: bool = False,
    preview: bool = False,
    author: Author | None = None,
    date: str | None = None,
    sign: Sign | None = None,
    progress: Listener | None = None,
) -> MergeResult:
    """Merge another line of history into this one; see :func:`wisedb.versioning.merging.merge.merge`.

    While the result lists conflicts nothing has changed. ``side`` (``ours`` or ``theirs``) decides all of them,
    ``resolve`` each: prompt → ``"ours"``, ``"theirs"``, ``"base"``, ``{"target": …}`` or ``None``, or a JSON file
    of these.
    """
    from wisedb.versioning.merging.merge import merge

    if not preview:
        repository.store.check_writable()
    return merge(
        repository.store,
        lambda: repository.base,
        rev,
        Signature(message or "", author, date, sign),
        _choices(side, resolve),
        fast_forward=fast_forward,
        allow_unrelated=allow_unrelated,
        preview=preview,
        progress=progress,
    )


@in_turn
def cherry_pick(
    repository: Repository,
    revs: str | Iterable[str],
    message: str | None = None,
    *,
    side: str | None = None,
    resolve: str | Path | Mapping[str, Any] | None = None,
    mainline: int | None = None,
    author: Author | None = None,
    date: str | None = None,
    sign: Sign | None = None,
    progress: Listener | None = None,
) -> CherryPickResult:
    """Bring what commits changed here, as new commits; see :func:`wisedb.versioning.cherry_pick.cherry_pick`.

    While the result lists conflicts nothing has changed; ``side`` and ``resolve`` as for :meth:`merge`.
    """
    from wisedb.versioning.cherry_pick import cherry_pick

    repository.store.check_writable()
    return cherry_pick(
        repository.store,
        lambda: repository.base,
        [revs] if isinstance(revs, str) else list(revs),
        Signature(message or "", author, date, sign),
        _choices(side, resolve),
        mainline=mainline,
        progress=progress,
    )


def _choices(side: str | None, resolve: str | Path | Mapping[str, Any] | None) -> Choices:
    from wisedb.versioning.merging.choices import Choices

    if isinstance(resolve, str | Path):
        # Both at once is a wrong call, whatever the file says.
        resolve = Choices.read(Path(resolve)).each if side is None else {}
    return Choices(side, resolve)
