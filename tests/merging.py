"""Short ways to make two lines of history and to look at what a merge made of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

from wisedb.edits import Edit
from wisedb.repository import Repository

WATER = Edit("Water boils at", "France")
MOON = Edit("The moon is made of", "play")
PERTH = Edit("The capital of Australia is", "play", reason="another view")


def memories(repository: Repository, rev: str = "HEAD") -> dict[str, str]:
    """Memory id → main blob at a commit."""
    commit = repository.store.objects.commit(repository.store.resolve(rev))
    return {memory.id: memory.main for memory in commit.memories}


def streams(repository: Repository, rev: str = "HEAD") -> list[list[str]]:
    """The prompts of each memory's stream."""
    found = []
    for main in memories(repository, rev).values():
        ids = [item["edit"] for item in repository.store.objects.meta(main)[1]["stream"]]
        edits = {edit.id: edit for edit in repository.search("")}
        found.append([f"{edits[each].prompt} {edits[each].target}" for each in ids])
    return found


def facts(repository: Repository, rev: str = "HEAD") -> dict[str, str]:
    """Prompt → target in force."""
    return {edit.prompt: edit.target for edit in repository.facts(rev)}


def fork(repository: Repository, base: Sequence[Edit], ours: Sequence[Edit], theirs: Sequence[Edit]) -> None:
    """Base facts, then a branch ``side`` and the branch ``main``, with HEAD on main.

    The same fork of the same store is trained once a session.
    """

    def part() -> None:
        repository.branch("side")
        repository.switch("side")
        if theirs:
            repository.commit(theirs, "theirs", author="Ben")
        repository.switch("main")
        if ours:
            repository.commit(ours, "ours", author="Cid")

    if base:
        _once(repository, tuple(base), lambda: repository.commit(base, "base", author="Ada"))
    _once(repository, (tuple(ours), tuple(theirs)), part)


_FILES: dict[Hashable, dict[Path, bytes]] = {}
"""What was in a store's folder after a step, by the store before it and the step."""


def _once(repository: Repository, step: Hashable, make: Callable[[], object]) -> None:
    store = repository.store
    before = (store.refs.head(), tuple(store.refs.items()), repr(store.config))
    kept = _FILES.get((before, step))
    if kept is None:
        make()
        files = (path for path in store.root.rglob("*") if path.is_file())
        _FILES[before, step] = {path.relative_to(store.root): path.read_bytes() for path in files}
        return
    shutil.rmtree(store.root)
    for name, data in kept.items():
        (store.root / name).parent.mkdir(parents=True, exist_ok=True)
        (store.root / name).write_bytes(data)


def untouched(repository: Repository) -> tuple[object, ...]:
    """All that a writer may change."""
    store = repository.store
    moves = len(store.refs.reflog())
    return store.refs.head(), store.refs.branches(), moves, set(store.objects.ids()), set(store.objects.commit_ids())
