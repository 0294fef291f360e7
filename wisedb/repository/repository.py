"""The facade that the command line and Python programs share: every verb of wisedb as one method.

Each method is one call downward. Whatever needs a model imports it when it is called, so that ``log``, ``status`` and
``blame`` answer without loading torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Self, overload

from wisedb.config import DEFAULT_EDITOR, Setting
from wisedb.progress import Listener
from wisedb.repository import adding, asking, changing, sharing, showing
from wisedb.store.store import Store
from wisedb.versioning import refs, reports

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from wisedb.model.base import LoadedBase
    from wisedb.serving.probe import ModelCheck
    from wisedb.store.fsck import FsckReport
    from wisedb.store.gc import GcReport
    from wisedb.store.reflog import RefMove
    from wisedb.versioning.base import BaseSet
    from wisedb.versioning.refs import HeadMove, NamedRef
    from wisedb.versioning.reports import Reindexed, Status


class Repository:
    """A store, with the verbs that people know.

    The base model is loaded when a verb first needs it and kept for the next; every verb leaves it as it was. Make one
    with :meth:`init` or :meth:`open`.

    Args:
        store: the store. If it is a lazy clone, what it lacks is fetched when it is read.
        base: its base model, if it is loaded already.
        model: where its base model is, if it isn't where the store says: a folder, a Hub id or a GGUF file; it is
            checked all the same.

    Attributes:
        store: the store.
        turn: held by a verb that needs the base model: those of other threads wait.
    """

    def __init__(self, store: Store, base: LoadedBase | None = None, *, model: str | None = None) -> None:
        self.store = store
        self._base = base
        self._model = model
        self.turn = RLock()
        if store.config.promised is not None:
            from wisedb.sharing.lazy import keep_promises

            keep_promises(store)

    @classmethod
    def init(
        cls,
        path: str | Path = ".",
        model: str = "atlas",
        *,
        revision: str | None = None,
        gguf_file: str | None = None,
        layer: int | None = None,
        target: str | None = None,
        editor: str = DEFAULT_EDITOR,
        settings: Mapping[str, Setting] | None = None,
        seed: int = 0,
        pool: Sequence[str] | None = None,
        author: str | None = None,
        progress: Listener | None = None,
        **kwargs: Any,
    ) -> Repository:
        """Make a store in ``path`` for a base model; see :func:`wisedb.versioning.init.init`."""
        from wisedb.model.base import accelerator
        from wisedb.versioning.init import init

        store, base = init(
            Path(path),
            model,
            revision=revision,
            gguf_file=gguf_file,
            layer=layer,
            target=target,
            editor=editor,
            settings=settings,
            seed=seed,
            pool=pool,
            author=author,
            progress=progress,
            **{**accelerator(), **kwargs},
        )
        return cls(store, base)

    @classmethod
    def open(cls, path: str | Path = ".", *, model: str | None = None) -> Repository:
        """Open the store in ``path`` or in the nearest folder above it.

        Args:
            path: where to look.
            model: where the base model is, if it isn't where the store says.

        Raises:
            NotAStore: there is none.
        """
        return cls(Store.discover(Path(path)), model=model)

    @classmethod
    def clone(
        cls,
        url: str,
        path: str | Path | None = None,
        *,
        branch: str | None = None,
        lazy: bool = False,
        model: str | None = None,
        token: str | None = None,
        endpoint: str | None = None,
        progress: Listener | None = None,
    ) -> Self:
        """Make a store from what somebody published; see :func:`wisedb.sharing.clone.clone`."""
        from wisedb.sharing.clone import clone

        made = clone(
            url,
            None if path is None else Path(path),
            branch=branch,
            lazy=lazy,
            model=model,
            token=token,
            endpoint=endpoint,
            progress=progress,
        )
        return cls(made.store)

    @property
    def path(self) -> Path:
        """The folder that holds ``.wisedb``."""
        return self.store.root.parent

    @property
    def base(self) -> LoadedBase:
        """The base model, loaded and checked at the first use.

        Raises:
            ModelNotFound, UnsupportedModel: it can't be loaded.
            BaseModelMismatch: it is not the one of ``init``.
        """
        with self.turn:
            if self._base is None:
                from wisedb.model.base import accelerator
                from wisedb.serving.store_base import load_base_of

                self._base = load_base_of(self.store, **accelerator(), **self.located)
            return self._base

    @property
    def located(self) -> dict[str, Any]:
        """Where the base model was said to be when the store was opened, as a keyword argument of what loads it."""
        return {} if self._model is None else {"model": self._model}

    def set_base(
        self,
        model: str,
        *,
        revision: str | None = None,
        gguf_file: str | None = None,
        accept: bool = False,
        trust_remote_code: bool | None = None,
    ) -> BaseSet:
        """Say where the base model is, or put another one in its place; see :mod:`wisedb.versioning.base`."""
        from wisedb.model.base import accelerator
        from wisedb.versioning.base import set_base

        made, self._base = set_base(
            self.store,
            model,
            revision=revision,
            gguf_file=gguf_file,
            accept=accept,
            trust_remote_code=trust_remote_code,
            **accelerator(),
        )
        self._model = None
        return made

    @contextmanager
    def lent_base(self) -> Iterator[LoadedBase]:
        """The base model for a block that changes it for a while: a verb that needs one inside loads another."""
        with self.turn:
            lent = self.base
            self._base = None
        try:
            yield lent
        finally:
            self._base = lent

    # What is staged

    def status(self) -> Status:
        """The branch, HEAD, what is staged, the index's health."""
        return reports.status(self.store)

    add = adding.add

    def unstage(self, ids: Iterable[str] | None = None) -> Status:
        """Take staged edits out by id, or all of them.

        Raises:
            UnknownEdit, AmbiguousId: see :meth:`wisedb.store.staging.Staging.remove`.
        """
        if ids is None:
            self.store.staging.clear()
        else:
            self.store.staging.remove(ids)
        return self.status()

    # What makes history

    commit = changing.commit
    amend = changing.amend
    import_easyedit = changing.import_easyedit
    rollback = changing.rollback
    revert = changing.revert
    merge = changing.merge
    cherry_pick = changing.cherry_pick

    # What shows history

    log = showing.log
    show = showing.show
    facts = showing.facts
    diff = showing.diff
    blame = showing.blame
    fact_life = showing.fact_life
    show_edit = showing.show_edit
    search = showing.search
    sql = showing.sql

    # Where HEAD and the refs are

    def checkout(self, rev: str) -> HeadMove:
        """Move HEAD to a branch or a commit."""
        return refs.checkout(self.store, rev)

    @overload
    def switch(self, branch_or_model: str) -> HeadMove: ...

    @overload
    def switch(self, branch_or_model: PreTrainedModel, rev: str, mode: str | None = None) -> PreTrainedModel: ...

    def switch(self, branch_or_model: Any, rev: str | None = None, mode: str | None = None) -> Any:
        """Move HEAD to a branch; or move a model that :meth:`load` returned to ``rev``."""
        if isinstance(branch_or_model, str):
            return refs.switch(self.store, branch_or_model)
        from wisedb.serving.load import switch_model

        return switch_model(branch_or_model, self.store, rev or "HEAD", mode)

    def reset(self, rev: str = "HEAD", *, soft: bool = False, hard: bool = False) -> HeadMove:
        """Move the branch that HEAD is on; see :func:`wisedb.versioning.refs.reset`."""
        return refs.reset(self.store, rev, soft=soft, hard=hard)

    def branches(self) -> list[NamedRef]:
        """All branches."""
        return refs.branches(self.store)

    def branch(
        self, name: str, rev: str = "HEAD", delete: bool = False, *, only_merged: bool = False, force: bool = False
    ) -> list[NamedRef]:
        """Make, move or delete a branch; see :func:`wisedb.versioning.refs.branch`."""
        return refs.branch(self.store, name, rev, delete=delete, only_merged=only_merged, force=force)

    def rename_branch(self, old: str | None, new: str, *, force: bool = False) -> list[NamedRef]:
        """Give a branch (the current one where none is named) another name."""
        return refs.rename(self.store, old, new, force=force)

    def tags(self) -> list[NamedRef]:
        """All tags."""
        return refs.tags(self.store)

    def tag(
        self,
        name: str,
        rev: str = "HEAD",
        delete: bool = False,
        force: bool = False,
        *,
        note: tuple[str, str] | None = None,
    ) -> list[NamedRef]:
        """Make, move or delete a tag; with a note of (who, why) it is annotated."""
        return refs.tag(self.store, name, rev, delete=delete, force=force, note=note)

    def reflog(self, ref: str = "HEAD") -> list[RefMove]:
        """The moves of HEAD or of a branch, newest first."""
        return refs.reflog(self.store, ref)

    # What the model says

    load = asking.load
    generate = asking.generate
    chat = asking.chat
    explain = asking.explain
    evaluate = asking.evaluate
    export = asking.export

    # Stores elsewhere

    remotes = sharing.remotes
    remote_add = sharing.remote_add
    remote_remove = sharing.remote_remove
    remote_set_url = sharing.remote_set_url
    remote_rename = sharing.remote_rename
    remote_branches = sharing.remote_branches
    push = sharing.push
    fetch = sharing.fetch
    pull = sharing.pull
    ls_remote = sharing.ls_remote

    # Upkeep

    def fsck(self) -> FsckReport:
        """Check every object and ref; the index is derived data, and ``status`` tells how it is."""
        from wisedb.serving.memory_codec import read_memory
        from wisedb.store.fsck import fsck

        return fsck(self.store, examine=lambda memory: read_memory(self.store.objects, memory))

    def check_model(self, rev: str = "HEAD") -> ModelCheck:
        """Whether the model at ``rev`` still computes what it did when that commit was made, by a few prompts."""
        from wisedb.serving.probe import check_model
        from wisedb.versioning.land import versions

        commit_id = self.store.resolve(rev)
        with self.turn:
            return check_model(self.store, self.base, commit_id, versions())

    def gc(self, dry_run: bool = True, grace: float | None = None) -> GcReport:
        """Remove objects that nothing reaches and that are older than ``grace`` seconds (two weeks by default)."""
        from wisedb.store.gc import DEFAULT_GRACE, collect

        kept = DEFAULT_GRACE if grace is None else timedelta(seconds=grace)
        return collect(self.store, grace=kept, dry_run=dry_run)

    def reindex(self) -> Reindexed:
        """Make the index anew from the objects."""
        return reports.reindex(self.store)
