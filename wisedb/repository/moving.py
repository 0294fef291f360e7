"""The verbs that move HEAD and name commits: each is bound to :class:`wisedb.repository.Repository` as a method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from wisedb.repository.repository import Repository
    from wisedb.signing.signer import Sign
    from wisedb.store.reflog import RefMove
    from wisedb.versioning.head import HeadMove
    from wisedb.versioning.refs import NamedRef


def checkout(repository: Repository, rev: str) -> HeadMove:
    """Move HEAD to a branch or a commit."""
    from wisedb.versioning.head import checkout

    return checkout(repository.store, rev)


@overload
def switch(repository: Repository, branch_or_model: str) -> HeadMove: ...


@overload
def switch(
    repository: Repository, branch_or_model: PreTrainedModel, rev: str, mode: str | None = None
) -> PreTrainedModel: ...


def switch(repository: Repository, branch_or_model: Any, rev: str | None = None, mode: str | None = None) -> Any:
    """Move HEAD to a branch; or move a model that :meth:`load` returned to ``rev``."""
    if isinstance(branch_or_model, str):
        from wisedb.versioning.head import switch

        return switch(repository.store, branch_or_model)
    from wisedb.serving.load import switch_model

    return switch_model(branch_or_model, repository.store, rev or "HEAD", mode)


def reset(repository: Repository, rev: str = "HEAD", *, soft: bool = False, hard: bool = False) -> HeadMove:
    """Move the branch that HEAD is on; see :func:`wisedb.versioning.head.reset`."""
    from wisedb.versioning.head import reset

    return reset(repository.store, rev, soft=soft, hard=hard)


def branches(repository: Repository) -> list[NamedRef]:
    """All branches."""
    from wisedb.versioning.refs import branches

    return branches(repository.store)


def branch(
    repository: Repository,
    name: str,
    rev: str = "HEAD",
    delete: bool = False,
    *,
    only_merged: bool = False,
    force: bool = False,
) -> list[NamedRef]:
    """Make, move or delete a branch; see :func:`wisedb.versioning.refs.branch`."""
    from wisedb.versioning.refs import branch

    return branch(repository.store, name, rev, delete=delete, only_merged=only_merged, force=force)


def rename_branch(repository: Repository, old: str | None, new: str, *, force: bool = False) -> list[NamedRef]:
    """Give a branch (the current one where none is named) another name."""
    from wisedb.versioning.refs import rename

    return rename(repository.store, old, new, force=force)


def tags(repository: Repository) -> list[NamedRef]:
    """All tags."""
    from wisedb.versioning.refs import tags

    return tags(repository.store)


def tag(
    repository: Repository,
    name: str,
    rev: str = "HEAD",
    delete: bool = False,
    force: bool = False,
    *,
    note: tuple[str, str] | None = None,
    sign: Sign | None = None,
) -> list[NamedRef]:
    """Make, move or delete a tag; with a note of (who, why) it is annotated, and signed where ``sign`` is given."""
    from wisedb.versioning.refs import tag

    return tag(repository.store, name, rev, delete=delete, force=force, note=note, sign=sign)


def reflog(repository: Repository, ref: str = "HEAD") -> list[RefMove]:
    """The moves of HEAD or of a branch, newest first."""
    from wisedb.versioning.refs import reflog

    return reflog(repository.store, ref)
