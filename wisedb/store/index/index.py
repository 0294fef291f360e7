"""The index as commands see it: always there, always right, whatever its files look like."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from wisedb.errors import CorruptObject, MissingObject, StoreError
from wisedb.store.files import Disk
from wisedb.store.index import schema
from wisedb.store.index.builder import IndexBuilder, unusable
from wisedb.store.index.gather import missing
from wisedb.store.index.generations import Current
from wisedb.store.index.plain import DamagedIndex
from wisedb.store.index.session import Session
from wisedb.store.objects import Objects
from wisedb.store.refs import Refs
from wisedb.store.scores import Scores

LAG: Final = 48
"""Commits that queries read from the objects before they make a new generation. Each costs a query a few milliseconds,
a new generation costs a copy of the whole file."""

T = TypeVar("T")


class Index:
    """``index/``: derived data, which any command repairs, and which none needs.

    Args:
        root: the ``.wisedb`` folder.
        objects: blobs and commits.
        refs: what decides which commits are history.
        scores: evaluations, which ``sql`` shows.
        lag: see :data:`LAG`.
        disk: how files are written.
    """

    def __init__(
        self, root: Path, objects: Objects, refs: Refs, scores: Scores, *, lag: int = LAG, disk: Disk | None = None
    ) -> None:
        self._objects = objects
        self._refs = refs
        self._builder = IndexBuilder(root, objects, self.roots, disk or Disk())
        self._generations = self._builder.generations
        self._lag = lag
        self._noted: _Noted | None = None
        self.scores = scores

    def status(self) -> str:
        """``ok``, ``behind``, ``missing``, ``corrupt``, ``outdated``, ``locked``, or ``foreign``: not made here."""
        import duckdb

        try:
            current = self._generations.current()
        except CorruptObject:
            return "corrupt"
        if current is None:
            return "missing"
        if current.version != schema.VERSION:
            return "outdated"
        try:
            if not self._generations.is_whole(current):
                return "corrupt"
            self._open(current).close()
        except MissingObject:
            return "missing"
        except duckdb.IOException as error:
            return "locked" if "lock" in str(error).lower() else "corrupt"
        except (duckdb.Error, StoreError):
            return "corrupt"
        if not self._generations.is_ours(current):
            return "foreign"
        return "ok" if set(current.tips) == set(self.roots()) else "behind"

    def ensure(self) -> str:
        """Repair the index or bring it up to date.

        Returns:
            ``ok``, ``caught-up``, ``rebuilt``, or ``bypassed`` where its folder can't be written or another process is
            at it: queries then do without.

        Raises:
            MissingObject, CorruptObject: the history itself is damaged.
        """
        status = self.status()
        try:
            if status == "ok":
                return "ok"
            if status == "behind":
                self._builder.catch_up()
                return "caught-up"
            self.rebuild()
            return "rebuilt"
        except (MissingObject, CorruptObject):
            raise
        except StoreError:
            return "bypassed"

    def rebuild(self) -> dict[str, int | float]:
        """Make a new generation from the objects alone.

        Returns:
            ``{"commits", "edits", "seconds"}``.

        Raises:
            MissingObject, CorruptObject: the history itself is damaged.
            StoreBusy: another process is at it.
            StoreNotWritable, NoSpace, IndexUnusable: the file can't be written.
        """
        return self._builder.rebuild()

    def check(self) -> None:
        """Compare the generation that counts with the objects.

        Where there is none that can be read, nothing is wrong: the next question makes one.

        Raises:
            DamagedIndex: its rows are others than the objects give.
            MissingObject, CorruptObject: the history itself is damaged.
        """
        from wisedb.store.index.compare import differing

        if self.status() not in ("ok", "behind", "foreign"):
            return
        current = self._generations.current()
        if current is None or not all(map(self._objects.has_commit, current.tips)):
            return  # left behind by a reset, and collected: the next question forgets them
        with closing(self._open(current)) as session, closing(Session(None)) as made:
            new = missing(self._objects, current.tips, ())
            assert new is not None
            made.add(self._objects, new)
            if found := differing(session, made):
                raise DamagedIndex(
                    f"the index says otherwise than the objects: {', '.join(found)}", hint="Run `wisedb reindex`."
                )

    def note_commit(self, commit_id: str) -> None:
        """Hear of a new commit. Cheap: only when many have come together is a new generation made.

        Never fails: the commit has landed, and every query looks for commits that the index lacks.
        """
        try:
            current = self._generations.current()
            known = () if current is None else current.tips
            noted, self._noted = self._noted, None
            if noted is not None and noted.tips == known and self._objects.commit(commit_id).parents == (noted.commit,):
                behind = noted.behind + 1
            else:
                found = missing(self._objects, [commit_id], known, limit=self._lag)
                behind = self._lag + 1 if found is None else len(found.ids)
            if behind > self._lag:
                self.ensure()
            else:
                self._noted = _Noted(commit_id, known, behind)
        except (StoreError, OSError):
            return

    def roots(self) -> tuple[str, ...]:
        """The commits that refs and HEAD stand at, sorted: what they descend from is the history."""
        head = self._refs.head().commit
        return tuple(sorted({commit for _, commit in self._refs.items()} | ({head} if head else set())))

    def run(self, ask: Callable[[Session], T], *, commits: Collection[str] = ()) -> T:
        """Ask a question of the whole history.

        Args:
            ask: queries the session and returns the answer, and does nothing else: it may be asked twice.
            commits: commits that the question is about; they may lie outside of the history (a reset left them behind).

        Raises:
            MissingObject, CorruptObject: the history itself is damaged.
            IndexUnusable: DuckDB fails even in memory.
        """
        import duckdb

        before: Current | None = None
        for _ in range(3):
            try:
                current = self._builder.usable()
                if current is None or current == before:
                    break
                before = current
                with self._session(current, commits) as session:
                    return ask(session)
            except (duckdb.Error, DamagedIndex):
                # Either the file is damaged, or it was replaced and removed between two looks at it: look again.
                continue
        current = self._rebuilt()
        if current is not None:
            with suppress(duckdb.Error, DamagedIndex), self._session(current, commits) as session:
                return ask(session)
        try:
            with self._in_memory(commits) as session:
                return ask(session)
        except duckdb.Error as error:
            raise unusable(error) from error

    def logged(self) -> set[str]:
        """The commits that only the reflogs know, and that are still there."""
        return {commit for commit in self._refs.logs.commits() if self._objects.has_commit(commit)}

    def refs(self) -> list[tuple[str, str, str]]:
        """(name, kind, commit) of HEAD, branches, tags and all other refs."""
        head = self._refs.head()
        found = [("HEAD", "head", head.commit)] if head.commit else []
        kinds = {"refs/heads/": "branch", "refs/tags/": "tag", "refs/remotes/": "remote"}
        for ref, commit in self._refs.items():
            prefix = next((prefix for prefix in kinds if ref.startswith(prefix)), "refs/")
            found.append((ref.removeprefix(prefix), kinds.get(prefix, "other"), commit))
        return found

    # Sessions

    def _open(self, current: Current) -> Session:
        session = Session(self._generations.path(current))
        try:
            if session.counts() != current.counts:
                raise DamagedIndex("the index has lost rows", hint="Run `wisedb reindex`.")
        except BaseException:
            session.close()
            raise
        return session

    @contextmanager
    def _session(self, current: Current, commits: Collection[str]) -> Iterator[Session]:
        session = self._open(current)
        try:
            roots = self.roots()
            wanted = {*roots, *commits}
            if not wanted <= set(current.tips):
                new = missing(self._objects, wanted, session.known(), limit=self._lag)
                if new is None:
                    session.close()
                    session = self._renewed(current)
                    new = missing(self._objects, wanted, session.known())
                assert new is not None
                session.add(self._objects, new)
            if set(roots) != set(current.tips) or not wanted <= set(current.tips):
                session.show_only(roots)
            yield session
        finally:
            session.close()

    def _renewed(self, current: Current) -> Session:
        try:
            self._builder.catch_up()
        except (MissingObject, CorruptObject):
            raise
        except StoreError:
            pass
        return self._open(self._builder.usable() or current)

    def _rebuilt(self) -> Current | None:
        """A new generation, or ``None`` where none can be written."""
        try:
            self.rebuild()
        except (MissingObject, CorruptObject):
            raise
        except StoreError:
            return None
        return self._builder.usable()

    @contextmanager
    def _in_memory(self, commits: Collection[str]) -> Iterator[Session]:
        session = Session(None)
        try:
            roots = self.roots()
            new = missing(self._objects, {*roots, *commits}, ())
            assert new is not None
            session.add(self._objects, new)
            session.show_only(roots)
            yield session
        finally:
            session.close()


@dataclass(frozen=True, slots=True)
class _Noted:
    """The commit that was heard of last, and by how many it was ahead of a generation of these tips."""

    commit: str
    tips: tuple[str, ...]
    behind: int
