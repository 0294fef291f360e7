"""The facade that the command line and Python programs share: every verb of wisedb as one method.

Each method is one call downward, and imports what it calls when it is called: ``log``, ``status`` and ``blame`` load no
torch, and each command loads what it needs and no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Self

from wisedb.config import DEFAULT_EDITOR, Setting
from wisedb.progress import Listener
from wisedb.repository import adding, asking, auditing, changing, moving, sharing, showing, upkeep
from wisedb.store.store import Store

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase
    from wisedb.store.owner import TrustedOwners
    from wisedb.versioning.base import BaseSet


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
    def open(
        cls, path: str | Path = ".", *, model: str | None = None, owners: TrustedOwners | None = None
    ) -> Repository:
        """Open the store in ``path`` or in the nearest folder above it.

        Args:
            path: where to look.
            model: where the base model is, if it isn't where the store says.
            owners: whose stores are used besides one's own.

        Raises:
            NotAStore: there is none.
            UnsafeOwner: it is another user's, and not to be trusted.
        """
        return cls(Store.discover(Path(path), owners=owners), model=model)

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

    status = adding.status
    add = adding.add
    unstage = adding.unstage

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
    report = auditing.report

    # Where HEAD and the refs are

    checkout = moving.checkout
    switch = moving.switch
    reset = moving.reset
    branches = moving.branches
    branch = moving.branch
    rename_branch = moving.rename_branch
    tags = moving.tags
    tag = moving.tag
    reflog = moving.reflog

    # What the model says

    load = asking.load
    generate = asking.generate
    context = asking.context
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

    fsck = upkeep.fsck
    fsck_remote = upkeep.fsck_remote
    repair = upkeep.repair
    check_model = upkeep.check_model
    gc = upkeep.gc
    reindex = upkeep.reindex
