"""Edits → a new commit: who writes them, and that they can come to one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from wisedb.config import EditorChoice, Setting
from wisedb.editors.registry import calibrated, check_given, chosen
from wisedb.edits import Edit, distinct
from wisedb.errors import NothingToCommit
from wisedb.progress import Listener
from wisedb.serving.blobs import PendingBlobs
from wisedb.serving.resources import StoreResources
from wisedb.store.commits import Commit
from wisedb.store.signature import Signature
from wisedb.versioning.land import read_tip
from wisedb.versioning.proposal import CommitResult, commit_proposal, propose
from wisedb.versioning.streams import in_force_at, owner_of

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase
    from wisedb.store.store import Store


def commit_edits(
    store: Store,
    base: LoadedBase,
    edits: Sequence[Edit],
    signature: Signature,
    *,
    editor: str | None = None,
    seed: int | None = None,
    settings: Mapping[str, Setting] | None = None,
    progress: Listener | None = None,
) -> CommitResult:
    """Write edits into memory and record them.

    An edit whose prompt another edit in force has supersedes that one. Everything that takes time happens before the
    store is touched.

    Args:
        store: the store.
        base: its base model, verified; it is left as it was.
        edits: what to write; those in force already are passed over.
        signature: who, when and why.
        editor: the editor's name, the store's if it isn't given.
        seed: in place of the store's.
        settings: on top of the store's.
        progress: is told after each edit.

    Raises:
        NothingToCommit: no edit, or all are in force already.
        ConflictingEdits: one prompt has two targets.
        UnknownEditor, UnknownSetting, TrainingFailed: see the editor.
        RefMoved: another writer landed first; nothing is written, and what is staged stays staged.
    """
    given = require_some(edits)
    tip = read_tip(store)
    before = set(in_force_at(store, tip.commit))
    new = [edit for edit in given if edit.id not in before]
    if not new:
        raise NothingToCommit("all these edits are in force already", hint="'wisedb facts' lists what is in force.")
    choice = choose(store, base, tip.commit, editor, seed, settings)
    proposal = propose(store, tip, choice, new=new)
    return commit_proposal(
        store,
        base,
        proposal,
        signature,
        action="commit",
        unstage=[edit.id for edit in given],
        progress=progress,
    )


def check_commit(
    store: Store,
    edits: Sequence[Edit],
    signature: Signature,
    editor: str | None = None,
    settings: Mapping[str, Setting] | None = None,
) -> None:
    """Refuse a commit that can't come to anything, without a model.

    Raises:
        UsageError: the signature has no message.
        NothingToCommit, ConflictingEdits, UnknownEditor, UnknownSetting: as :func:`commit_edits`.
    """
    signature.checked()
    require_some(edits)
    default = store.config.editor
    if editor in (None, default.name):
        chosen(default, None, settings)
    else:
        check_given(editor, settings or {})


def require_some(edits: Sequence[Edit]) -> list[Edit]:
    """The edits, each once.

    Raises:
        NothingToCommit: there is none.
        ConflictingEdits: one prompt has two targets.
    """
    given = distinct(edits)
    if not given:
        raise NothingToCommit("there is nothing to commit", hint="Stage edits with 'wisedb add', or name a file.")
    return given


def choose(
    store: Store,
    base: LoadedBase,
    state: Commit,
    editor: str | None = None,
    seed: int | None = None,
    settings: Mapping[str, Setting] | None = None,
) -> EditorChoice:
    """Who writes: the store's editor, or another one, with what one commit asks for.

    An editor that the store wasn't made with is calibrated for the model where it first writes; later commits go on
    with the settings of its memories.

    Raises:
        UnknownEditor, UnknownSetting, UnsupportedModel: see the editor.
    """
    default = store.config.editor
    if editor in (None, default.name):
        return chosen(default, seed, settings)
    owners = [owner_of(store, memory) for memory in state.memories]
    own = [owner for owner in owners if owner.name == editor]
    if own:
        return chosen(replace(own[-1], seed=default.seed), seed, settings)
    resources = StoreResources(base, store.config.base, PendingBlobs(store.blob_cache), default.resources)
    wanted = default.seed if seed is None else seed
    return calibrated(editor, base, resources, settings or {}, wanted, default.pool)
