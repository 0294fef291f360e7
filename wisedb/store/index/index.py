"""The index as commands see it: always there, always right, whatever its files look like."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from wisedb.errors import MissingObject, StoreError, UnsafeFile
from wisedb.store.files import Disk
from wisedb.store.index import schema
from wisedb.store.index.builder import IndexBuilder, unusable
from wisedb.store.index.generations import Current
from wisedb.store.index.lacking import missing
from wisedb.store.index.left_out import Fault, LeftOut
from wisedb.store.index.plain import DamagedIndex
from wisedb.store.index.session import Session
from wisedb.store.objects import Objects
from wisedb.store.reflog import RefMove
from wisedb.store.refnames import HEAD
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
        return self._look()[0]

    def ensure(self) -> str:
        """Repair the index or bring it up to date; a warning tells what it leaves out because it can't be read.

        Returns:
            ``ok``, ``caught-up``, ``rebuilt``, or ``bypassed`` where its folder can't be written or another process is
            at it: queries then do without.

        Raises:
            UnsafeFile: a link, a pipe or a device stands in its way.
        """
        status, left_out = self._look()
        done = {"ok": "ok", "behind": "caught-up"}.get(status, "rebuilt")
        try:
            if status == "behind":
                self._builder.catch_up()
            elif status != "ok":
                self.rebuild()
            if status != "ok":
                _, left_out = self._look()
            left_out.tell(self.roots())
        except UnsafeFile:
            raise
        except StoreError:
            return "bypassed"
        return done

    def rebuild(self) -> dict[str, int | float]:
        """Make a new generation from the objects alone.

        Returns:
            ``{"commits", "edits", "seconds"}``; what can't be read is left out.

        Raises:
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
        """The commits that refs and HEAD stand at, sorted: what they descend from is the history.

        A ref that can't be read names none: it takes nothing from the others.
        """
        found: set[str | None] = set()
        for ref in (HEAD, *self._refs.names()):
            with suppress(StoreError):
                found.add(self._refs.read(ref))
        return tuple(sorted(commit for commit in found if commit is not None))

    def run(self, ask: Callable[[Session], T], *, commits: Collection[str] = (), also: Collection[str] = ()) -> T:
        """Ask a question of the whole history.

        What can't be read of it, and what descends from that, is left out, and a warning says so.

        Args:
            ask: queries the session and returns the answer, and does nothing else: it may be asked twice.
            commits: commits that the question is about; they may lie outside of the history (a reset left them behind).
            also: further commits that belong to what is asked, as far as they can be read.

        Raises:
            MissingObject, CorruptObject: one of ``commits`` can't be read, or one that it descends from.
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
                with self._session(current, commits, also) as session:
                    return ask(session)
            except (duckdb.Error, DamagedIndex):
                # Either the file is damaged, or it was replaced and removed between two looks at it: look again.
                continue
        current = self._rebuilt()
        if current is not None:
            with suppress(duckdb.Error, DamagedIndex), self._session(current, commits, also) as session:
                return ask(session)
        try:
            with self._in_memory(commits, also) as session:
                return ask(session)
        except duckdb.Error as error:
            raise unusable(error) from error

    def logged(self) -> set[str]:
        """The commits that only the reflogs know, and that are still there."""
        logs = self._refs.logs
        moves: list[RefMove] = []
        for ref in logs.names():
            with suppress(StoreError):
                moves += logs.sound_lines(ref)[0]
        named = {commit for move in moves for commit in (move.from_, move.to) if commit is not None}
        return {commit for commit in named if self._objects.has_commit(commit)}

    def refs(self) -> list[tuple[str, str, str]]:
        """(name, kind, commit) of HEAD, branches, tags and all other refs."""
        kinds = {"refs/heads/": "branch", "refs/tags/": "tag", "refs/remotes/": "remote"}
        found: list[tuple[str, str, str]] = []
        for ref in (HEAD, *self._refs.names()):
            commit = None
            with suppress(StoreError):
                commit = self._refs.read(ref)
            if commit is None:
                continue
            prefix = next((prefix for prefix in kinds if ref.startswith(prefix)), "refs/")
            kind = "head" if ref == HEAD else kinds.get(prefix, "other")
            found.append((ref.removeprefix(prefix), kind, commit))
        return found

    # Sessions

    def _look(self) -> tuple[str, LeftOut]:
        """How the index is, and what it leaves out."""
        import duckdb

        nothing = LeftOut()
        try:
            current = self._generations.current()
            if current is None:
                return "missing", nothing
            if current.version != schema.VERSION:
                return "outdated", nothing
            if not self._generations.is_whole(current):
                return "corrupt", nothing
            roots = self.roots()
            with closing(self._open(current)) as session:
                if not self._generations.is_ours(current):
                    return "foreign", nothing
                left_out = self._left_out(session, current, roots)
        except MissingObject:
            return "missing", nothing
        except duckdb.IOException as error:
            return "locked" if "lock" in str(error).lower() else "corrupt", nothing
        except (duckdb.Error, StoreError):
            return "corrupt", nothing
        return "ok" if set(current.tips) == set(left_out.sound(roots)) else "behind", left_out

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
    def _session(self, current: Current, commits: Collection[str], also: Collection[str]) -> Iterator[Session]:
        session = self._open(current)
        try:
            roots = self.roots()
            left_out = self._left_out(session, current, roots)
            wanted = {*roots, *commits, *also} - left_out.faults.keys()
            whole = wanted <= set(current.tips)
            if not whole:
                new = missing(self._objects, wanted, session.known(), limit=self._lag)
                if new is None:
                    session.close()
                    session = self._renewed(current)
                    new = missing(self._objects, wanted, session.known())
                assert new is not None
                session.add(self._objects, new)
                left_out.join(new.left_out)
            shown = left_out.sound(roots)
            if set(shown) != set(current.tips) or not whole:
                session.show_only(shown)
            left_out.tell(roots, commits)
            yield session
        finally:
            session.close()

    def _left_out(self, session: Session, current: Current, roots: Collection[str]) -> LeftOut:
        """What a generation was made without, if that still can't be read; nothing where some of it can."""
        if not current.left_out or not set(current.left_out) <= set(roots):
            return LeftOut()
        errors = {commit: session.fault(self._objects, commit) for commit in set(current.left_out.values())}
        faults = {
            root: Fault(commit, error)
            for root, commit in current.left_out.items()
            if (error := errors[commit]) is not None
        }
        if len(faults) < len(current.left_out):
            return LeftOut()
        return LeftOut(faults, set(current.tips).difference(roots))

    def _renewed(self, current: Current) -> Session:
        with suppress(StoreError):
            self._builder.catch_up()
        return self._open(self._builder.usable() or current)

    def _rebuilt(self) -> Current | None:
        """A new generation, or ``None`` where none can be written."""
        try:
            self.rebuild()
        except StoreError:
            return None
        return self._builder.usable()

    @contextmanager
    def _in_memory(self, commits: Collection[str], also: Collection[str]) -> Iterator[Session]:
        session = Session(None)
        try:
            roots = self.roots()
            new = missing(self._objects, {*roots, *commits, *also}, ())
            assert new is not None
            session.add(self._objects, new)
            session.show_only(new.left_out.sound(roots))
            new.left_out.tell(roots, commits)
            yield session
        finally:
            session.close()


@dataclass(frozen=True, slots=True)
class _Noted:
    """The commit that was heard of last, and by how many it was ahead of a generation of these tips."""

    commit: str
    tips: tuple[str, ...]
    behind: int
