"""Edits → a new commit: who writes them, and that they can come to one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from wisedb.config import EditorChoice, Setting
from wisedb.editors.registry import calibrated, check_given, chosen
from wisedb.edits import Edit, distinct
from wisedb.errors import NothingToCommit
from wisedb.progress import Listener
from wisedb.serving.blobs import PendingBlobs
from wisedb.serving.resources import StoreResources
from wisedb.store import history
from wisedb.store.commits import Commit
from wisedb.store.graph import ancestors
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
    again: bool = False,
    strict: bool = False,
    progress: Listener | None = None,
) -> CommitResult:
    """Write edits into memory and record them.

    An edit whose prompt another edit in force has supersedes that one. Everything that takes time happens before the
    store is touched.

    Args:
        store: the store.
        base: its base model, verified; it is left as it was.
        edits: what to write. Those in force already are passed over, unless they were not learned when they were last
            written: these are written anew.
        signature: who, when and why.
        editor: the editor's name, the store's if it isn't given.
        seed: in place of the store's.
        settings: on top of the store's.
        again: write anew those in force too; without ``edits``, all that are in force and were not learned.
        strict: refuse a commit of edits that were not learned.
        progress: is told after each edit.

    Raises:
        NothingToCommit: no edit, all are in force already, or they would come out as they are.
        NotLearned: ``strict``, and an edit was not learned; nothing is written.
        ConflictingEdits: one prompt has two targets.
        UnknownEditor, UnknownSetting, TrainingFailed: see the editor.
        RefMoved: another writer landed first; nothing is written, and what is staged stays staged.
    """
    given, tip = distinct(edits), read_tip(store)
    before = set(in_force_at(store, tip.commit))
    if again and not given:
        given = history.edits_of(store, not_learned(store, tip.id, before))
    require_some(given)
    new = [edit for edit in given if edit.id not in before]
    there = [edit for edit in given if edit.id in before]
    left = {edit.id for edit in there} if again else set(not_learned(store, tip.id, [edit.id for edit in there]))
    repeated = [edit for edit in there if edit.id in left]
    if not new and not repeated:
        raise NothingToCommit(
            "all these edits are in force already",
            hint="'wisedb facts' lists what is in force; `wisedb commit --again` trains edits anew.",
        )
    choice = choose(store, base, tip.commit, editor, seed, settings)
    proposal = propose(store, tip, choice, new=new, again=repeated)
    return commit_proposal(
        store,
        base,
        proposal,
        signature,
        action="commit",
        unstage=[edit.id for edit in given],
        strict=strict,
        progress=progress,
    )


def not_learned(store: Store, at: str, wanted: Collection[str]) -> tuple[str, ...]:
    """Of some edits those that were not learned when they were last written, as the commits say.

    Args:
        store: the store.
        at: the commit from which to look back.
        wanted: ids of edits.
    """
    left, found = set(wanted), []
    for _, commit in ancestors(store.objects, at) if left else ():
        written = left & {*commit.added, *commit.again}
        found += [edit for edit in commit.unlearned if edit in written]
        left -= written
        if not left:
            break
    return tuple(found)


def check_commit(
    store: Store,
    edits: Sequence[Edit],
    signature: Signature,
    editor: str | None = None,
    settings: Mapping[str, Setting] | None = None,
    again: bool = False,
) -> None:
    """Refuse a commit that can't come to anything, without a model.

    Raises:
        UsageError: the signature has no message.
        NothingToCommit, ConflictingEdits, UnknownEditor, UnknownSetting: as :func:`commit_edits`.
        StoreBusy, StoreNotWritable, NoSpace: it couldn't land.
    """
    signature.checked()
    if edits or not again:
        require_some(edits)
    elif not not_learned(store, (tip := read_tip(store)).id, in_force_at(store, tip.commit)):
        raise NothingToCommit(
            "every edit in force was learned", hint="Stage edits with 'wisedb add', or name a file, to train them anew."
        )
    store.check_writable()
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
