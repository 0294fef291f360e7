"""The facade that the command line and Python programs share: every verb of wisedb as one method.

Each method is one call downward. Whatever needs a model imports it when it is called, so that ``log``, ``status`` and
``blame`` answer without loading torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from wisedb import importers
from wisedb.config import DEFAULT_EDITOR, Setting
from wisedb.edits import Edit
from wisedb.progress import Listener
from wisedb.sharing.facade import Sharing
from wisedb.store import history
from wisedb.store.signature import Signature
from wisedb.store.store import Store
from wisedb.versioning import refs, reports
from wisedb.versioning.diff import facts as fact_diff
from wisedb.versioning.merging.choices import Choices

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from wisedb.export.merged import ExportResult
    from wisedb.model.base import LoadedBase
    from wisedb.serving.evaluation import Evaluation
    from wisedb.serving.explain import Explanation
    from wisedb.serving.generate import Generation
    from wisedb.store.fsck import FsckReport
    from wisedb.store.gc import GcReport
    from wisedb.store.reflog import RefMove
    from wisedb.versioning.cherry_pick import CherryPickResult
    from wisedb.versioning.diff.facts import Diff
    from wisedb.versioning.merging.result import MergeResult
    from wisedb.versioning.proposal import CommitResult
    from wisedb.versioning.refs import HeadMove, NamedRef
    from wisedb.versioning.reports import BlameResult, CommitDetails, LogEntry, Reindexed, Status, Table


class Repository(Sharing):
    """A store, with the verbs that people know.

    The base model is loaded when a verb first needs it and kept for the next; every verb leaves it as it was. Make one
    with :meth:`init` or :meth:`open`.

    Args:
        store: the store.
        base: its base model, if it is loaded already.

    Attributes:
        store: the store.
    """

    def __init__(self, store: Store, base: LoadedBase | None = None) -> None:
        super().__init__(store)
        self._base = base

    @classmethod
    def init(
        cls,
        path: str | Path = ".",
        model: str = "atlas",
        *,
        revision: str | None = None,
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
    def open(cls, path: str | Path = ".") -> Repository:
        """Open the store in ``path`` or in the nearest folder above it.

        Raises:
            NotAStore: there is none.
        """
        return cls(Store.discover(Path(path)))

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
        if self._base is None:
            from wisedb.model.base import accelerator, load_for

            self._base = load_for(self.store.config.base, **accelerator())
        return self._base

    # What is staged

    def status(self) -> Status:
        """The branch, HEAD, what is staged, the index's health."""
        return reports.status(self.store)

    def add(self, edits: Edit | str | Path | Iterable[Edit | str | Path]) -> Status:
        """Stage edits, and those of files in any layout that :mod:`wisedb.importers` knows: all of them or none.

        Raises:
            BadRecord, InputError: a file can't be taken.
            ConflictingEdits: one prompt would have two targets.
        """
        self.store.staging.add(_edits(edits))
        return self.status()

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

    def commit(
        self,
        edits: Edit | str | Path | Iterable[Edit | str | Path] | None = None,
        message: str = "",
        *,
        author: str | None = None,
        date: str | None = None,
        editor: str | None = None,
        seed: int | None = None,
        settings: Mapping[str, Setting] | None = None,
        progress: Listener | None = None,
    ) -> CommitResult:
        """Train edits, by default what is staged, and record them; see :mod:`wisedb.versioning.commit`."""
        signature = Signature(message, author, date)
        given = self.store.staging.edits() if edits is None else _edits(edits)
        from wisedb.versioning.commit import check_commit, commit_edits

        # Before anybody waits for a model.
        check_commit(self.store, given, signature, editor, settings)
        return commit_edits(
            self.store,
            self.base,
            given,
            signature,
            editor=editor,
            seed=seed,
            settings=settings,
            progress=progress,
        )

    def import_easyedit(
        self,
        path: str | Path,
        message: str,
        *,
        author: str | None = None,
        date: str | None = None,
        progress: Listener | None = None,
    ) -> CommitResult:
        """Take over an EasyEdit checkpoint; see :func:`wisedb.versioning.import_easyedit.import_easyedit`."""
        from wisedb.versioning.import_easyedit import import_easyedit

        return import_easyedit(self.store, self.base, Path(path), Signature(message, author, date), progress=progress)

    def rollback(
        self, rev: str, message: str | None = None, *, author: str | None = None, date: str | None = None
    ) -> HeadMove:
        """The state of ``rev`` again, as a new commit; see :func:`wisedb.versioning.refs.rollback`."""
        return refs.rollback(self.store, rev, Signature(message or "", author, date))

    def revert(
        self,
        ids_or_rev: str | Iterable[str],
        message: str | None = None,
        *,
        mainline: int | None = None,
        author: str | None = None,
        date: str | None = None,
        progress: Listener | None = None,
    ) -> HeadMove:
        """Take single facts out, or all that a commit changed; see :func:`wisedb.versioning.revert.revert_edits`."""
        from wisedb.versioning.revert import revert_edits

        what = [ids_or_rev] if isinstance(ids_or_rev, str) else list(ids_or_rev)
        before = self.store.refs.head().commit
        signature = Signature(message or "", author, date)
        made = revert_edits(self.store, self.base, what, signature, mainline=mainline, progress=progress)
        return refs.HeadMove(made.commit, made.branch, before, made.added, made.reverted)

    def merge(
        self,
        rev: str,
        message: str | None = None,
        *,
        side: str | None = None,
        resolve: str | Path | Mapping[str, Any] | None = None,
        fast_forward: str = "auto",
        allow_unrelated: bool = False,
        preview: bool = False,
        author: str | None = None,
        date: str | None = None,
        progress: Listener | None = None,
    ) -> MergeResult:
        """Merge another line of history into this one; see :func:`wisedb.versioning.merging.merge.merge`.

        While the result lists conflicts nothing has changed. ``side`` (``ours`` or ``theirs``) decides all of them,
        ``resolve`` each: prompt → ``"ours"``, ``"theirs"``, ``"base"``, ``{"target": …}`` or ``None``, or a JSON file
        of these.
        """
        from wisedb.versioning.merging.merge import merge

        return merge(
            self.store,
            lambda: self.base,
            rev,
            Signature(message or "", author, date),
            _choices(side, resolve),
            fast_forward=fast_forward,
            allow_unrelated=allow_unrelated,
            preview=preview,
            progress=progress,
        )

    def cherry_pick(
        self,
        revs: str | Iterable[str],
        message: str | None = None,
        *,
        side: str | None = None,
        resolve: str | Path | Mapping[str, Any] | None = None,
        mainline: int | None = None,
        author: str | None = None,
        date: str | None = None,
        progress: Listener | None = None,
    ) -> CherryPickResult:
        """Bring what commits changed here, as new commits; see :func:`wisedb.versioning.cherry_pick.cherry_pick`.

        While the result lists conflicts nothing has changed; ``side`` and ``resolve`` as for :meth:`merge`.
        """
        from wisedb.versioning.cherry_pick import cherry_pick

        return cherry_pick(
            self.store,
            lambda: self.base,
            [revs] if isinstance(revs, str) else list(revs),
            Signature(message or "", author, date),
            _choices(side, resolve),
            mainline=mainline,
            progress=progress,
        )

    def _merged(self, rev: str, signature: Signature, progress: Listener | None) -> dict[str, Any]:
        made = self.merge(rev, signature.message, author=signature.author, date=signature.date, progress=progress)
        return made.to_json()

    # What shows history

    def log(self, rev: str = "HEAD", n: int | None = None) -> list[LogEntry]:
        """The history of ``rev``, newest first."""
        return reports.log(self.store, rev, n)

    def show(self, rev: str = "HEAD") -> CommitDetails:
        """One commit in full."""
        return reports.show(self.store, rev)

    def facts(self, rev: str = "HEAD", n: int | None = None) -> list[Edit]:
        """The edits in force at ``rev``, in the order in which they came into force, at most the first ``n``."""
        return history.facts(self.store, rev, n)

    def diff(self, a: str, b: str = "HEAD", tensors: bool = False, behaviour: bool = False) -> Diff:
        """The facts that differ between two commits, and how the memories or the answers do."""
        found = fact_diff.diff(self.store, a, b)
        if tensors:
            from wisedb.versioning.diff.tensors import diff_tensors

            found = fact_diff.with_tensors(found, diff_tensors(self.store, found.from_, found.to))
        if behaviour:
            from wisedb.versioning.diff.answers import diff_answers

            answers = diff_answers(self.store, self.base, found.from_, found.to, found.prompts)
            found = fact_diff.with_answers(found, answers)
        return found

    def blame(self, prompt: str, at: str = "HEAD") -> BlameResult:
        """Which edit and commit stand behind the answer to ``prompt``."""
        return reports.blame(self.store, prompt, at)

    def search(self, text: str) -> list[Edit]:
        """Edits that mention ``text``."""
        return history.search(self.store, text)

    def sql(self, query: str) -> Table:
        """A read-only query over the index."""
        return reports.sql(self.store, query)

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

    def reset(self, rev: str) -> HeadMove:
        """Move the branch that HEAD is on."""
        return refs.reset(self.store, rev)

    def branches(self) -> list[NamedRef]:
        """All branches."""
        return refs.branches(self.store)

    def branch(self, name: str, rev: str = "HEAD", delete: bool = False) -> list[NamedRef]:
        """Make or delete a branch."""
        return refs.branch(self.store, name, rev, delete=delete)

    def tags(self) -> list[NamedRef]:
        """All tags."""
        return refs.tags(self.store)

    def tag(self, name: str, rev: str = "HEAD", delete: bool = False) -> list[NamedRef]:
        """Make or delete a tag."""
        return refs.tag(self.store, name, rev, delete=delete)

    def reflog(self, ref: str = "HEAD") -> list[RefMove]:
        """The moves of HEAD or of a branch, newest first."""
        return refs.reflog(self.store, ref)

    # What the model says

    def load(
        self, rev: str = "HEAD", mode: str = "retrieve", **kwargs: Any
    ) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
        """A model of one's own at ``rev``, with its tokenizer; see :func:`wisedb.serving.load.load`."""
        from wisedb.serving.load import load

        return load(self.store, rev, mode, **kwargs)

    def generate(
        self,
        prompts: str | Sequence[str],
        at: str = "HEAD",
        mode: str = "retrieve",
        base: bool = False,
        max_new_tokens: int = 20,
        progress: Listener | None = None,
        *,
        chat: bool = False,
        system: str | None = None,
    ) -> list[Generation]:
        """Answer prompts at a commit (or by the plain base model).

        With ``chat`` each is a user's message behind the model's chat template, behind the ``system`` message if one is
        given. See :func:`wisedb.serving.answer.answer_prompts`.
        """
        from wisedb.serving.answer import answer_prompts
        from wisedb.serving.asked import Chat

        asked = [prompts] if isinstance(prompts, str) else list(prompts)
        self.store.resolve(at)
        chosen = "base" if base else mode
        how = Chat(system) if chat or system is not None else None
        return answer_prompts(
            self.store, self.base, asked, at, chosen, max_new_tokens=max_new_tokens, chat=how, progress=progress
        )

    def explain(self, prompt: str, at: str = "HEAD") -> Explanation:
        """Why the model answers ``prompt`` so at a commit; see :func:`wisedb.serving.explain.explain`."""
        from wisedb.serving.explain import explain

        return explain(self.store, self.base, prompt, self.store.resolve(at))

    def evaluate(
        self,
        rev: str = "HEAD",
        data: Edit | str | Path | Iterable[Edit | str | Path] | None = None,
        mode: str = "retrieve",
        limit: int | None = None,
        *,
        chat: bool = False,
        forms: bool = False,
        seed: int = 0,
        progress: Listener | None = None,
    ) -> Evaluation:
        """Measure a commit.

        With ``chat`` everything is asked as a user's message behind the model's chat template. With ``forms`` the
        tables of :mod:`wisedb.serving.forms` are measured too, their choices by ``seed``. See
        :func:`wisedb.serving.evaluate.evaluate`.
        """
        from wisedb.serving.evaluate import evaluate

        records = None if data is None else _edits(data)
        commit_id = self.store.resolve(rev)
        return evaluate(
            self.store,
            self.base,
            commit_id,
            records,
            mode,
            limit,
            chat=chat,
            forms_seed=seed if forms else None,
            progress=progress,
        )

    def export(
        self,
        rev: str,
        directory: str | Path,
        format: str = "merged",
        mode: str | None = None,
        progress: Listener | None = None,
    ) -> ExportResult:
        """Write a commit's model to a folder; see :func:`wisedb.export.merged.export`."""
        from wisedb.export.merged import export

        return export(self.store, rev, Path(directory), format, mode, progress=progress)

    # Upkeep

    def fsck(self) -> FsckReport:
        """Check every object and ref; the index is derived data, and ``status`` tells how it is."""
        from wisedb.serving.memory_codec import read_memory
        from wisedb.store.fsck import fsck

        return fsck(self.store, examine=lambda memory: read_memory(self.store.objects, memory))

    def gc(self, dry_run: bool = True, grace: float | None = None) -> GcReport:
        """Remove objects that nothing reaches and that are older than ``grace`` seconds (two weeks by default)."""
        from wisedb.store.gc import DEFAULT_GRACE, collect

        kept = DEFAULT_GRACE if grace is None else timedelta(seconds=grace)
        return collect(self.store, grace=kept, dry_run=dry_run)

    def reindex(self) -> Reindexed:
        """Make the index anew from the objects."""
        return reports.reindex(self.store)


def _choices(side: str | None, resolve: str | Path | Mapping[str, Any] | None) -> Choices:
    if isinstance(resolve, str | Path):
        # Both at once is a wrong call, whatever the file says.
        resolve = Choices.read(Path(resolve)).each if side is None else {}
    return Choices(side, resolve)


def _edits(given: Edit | str | Path | Iterable[Edit | str | Path]) -> list[Edit]:
    items = [given] if isinstance(given, Edit | str | Path) else list(given)
    found: list[Edit] = []
    for item in items:
        found.extend([item] if isinstance(item, Edit) else importers.read_edits(item))
    return found
