"""Any history, whatever the index is like: one set of answers."""

from __future__ import annotations

import errno
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from tests.store.freedonia import fact, merge
from tests.store.index.synthetic import Builder, State, attach
from wisedb.store import history
from wisedb.store.files import Disk
from wisedb.store.index import Index

POOL = [fact(thing, target, tags=(thing,)) for thing in ("capital", "anthem", "river") for target in ("A", "B")]


def refuse(step: str) -> None:
    raise OSError(errno.EROFS, "Read-only file system")


def in_force(builder: Builder, state: State) -> dict[str, str]:
    """Edit → the commit that brought it, told from the commits alone: an independent account of the same thing."""
    line: list[str] = []
    at = state.commit
    while at is not None:
        line.append(at)
        parents = builder.store.objects.commit(at).parents
        at = parents[0] if parents else None
    force: dict[str, str] = {}
    for commit_id in reversed(line):
        record = builder.store.objects.commit(commit_id)
        for edit in record.reverted:
            force.pop(edit)
        for edit in record.added:
            sources = [in_force(builder, builder.states[parent]) for parent in record.parents[1:]]
            force.pop(edit, None)
            force[edit] = next((source[edit] for source in sources if edit in source), commit_id)
    return force


def reachable(builder: Builder) -> set[str]:
    stack, seen = [commit for _, commit in builder.store.refs.items()], set()
    while stack:
        commit_id = stack.pop()
        if commit_id not in seen:
            seen.add(commit_id)
            stack.extend(builder.store.objects.commit(commit_id).parents)
    return seen


def answers(builder: Builder) -> dict[str, Any]:
    store = builder.store
    found: dict[str, Any] = {}
    states = sorted(builder.states)[:3]  # ids are hashes: as good as a draw
    for name in states:
        found[f"facts {name}"] = [edit.id for edit in history.facts(store, name)]
        for edit in POOL[:4:2]:
            told = history.blame(store, edit.prompt, name)
            found[f"blame {name} {edit.prompt}"] = (
                told.edit,
                told.commit,
                [(other.id, commit, score) for other, commit, score in told.candidates],
            )
    for one, other in pairwise(states):
        found[f"diff {one} {other}"] = history.diff(store, one, other)
    found["search"] = history.search(store, "freedonia")
    tables = ("commits", "edits", "facts", "changes", "memories")
    query = " UNION ALL ".join(f"SELECT '{table}', to_json({table})::VARCHAR FROM {table}" for table in tables)
    found["tables"] = sorted(map(str, history.sql(store, query)[1]))
    return found


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[str, int, int, int]]:
    kinds = st.sampled_from(["add", "add", "revert", "branch", "merge", "rollback", "reset", "delete", "ensure"])
    step = st.tuples(kinds, st.integers(0, 7), st.integers(0, 7), st.integers(0, 7))
    return draw(st.lists(step, min_size=2, max_size=9))


def play(builder: Builder, step: tuple[str, int, int, int]) -> None:
    kind, one, two, three = step
    refs = builder.store.refs
    branches = sorted(refs.branches())
    branch = branches[one % len(branches)]
    tip = builder.tip(branch)
    if kind == "add":
        wanted = {edit.key: edit for edit in (POOL[two % len(POOL)], POOL[three % len(POOL)])}
        builder.move(branch, builder.write([tip], list(wanted.values())))
    elif kind == "revert" and tip.edits:
        builder.move(branch, builder.write([tip], revert=[tip.edits[two % len(tip.edits)]]))
    elif kind == "branch":
        builder.move(f"b{len(builder.states)}{two}", tip, "branch")
    elif kind == "merge":
        other = branches[two % len(branches)]
        if builder.tip(other).commit != tip.commit:
            merge(builder, branch, other)
    elif kind == "rollback":
        old = builder.states[sorted(builder.states)[two % len(builder.states)]]
        builder.move(branch, builder.write([tip], shards=old.shards, message="rollback"))
    elif kind == "reset":
        builder.move(branch, builder.states[sorted(builder.states)[two % len(builder.states)]], "reset")
    elif kind == "delete" and branch != "main":
        refs.delete(f"refs/heads/{branch}", "delete")
    elif kind == "ensure":
        builder.store.index.ensure()


@settings(max_examples=5, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(steps())
@example([("add", 0, 0, 0), ("add", 0, 0, 0), ("reset", 0, 0, 0), ("rollback", 0, 2, 0)])
@pytest.mark.timeout(900)
def test_every_history_has_one_set_of_answers(script: list[tuple[str, int, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        builder = Builder.make(Path(folder), capacity=2, lag=2)
        store = builder.store
        for step in script:
            play(builder, step)
        told = answers(builder)  # as it has grown, step by step
        for name, state in sorted(builder.states.items())[:3]:
            force = in_force(builder, state)
            assert told[f"facts {name}"] == list(force)
            for edit in POOL[:4:2]:
                found, commit_id, _ = told[f"blame {name} {edit.prompt}"]
                keys = {each for each in force if builder.records[each].key == edit.key}
                assert (found.id in keys and force[found.id] == commit_id) if keys else found is None
        seen = {edit for commit_id in reachable(builder) for edit in store.objects.commit(commit_id).added}
        assert {edit.id for edit in told["search"]} == seen
        store.index.ensure()
        assert answers(builder) == told
        store.index.rebuild()
        assert answers(builder) == told
        for path in (store.root / "index").iterdir():
            path.unlink()
        store.index = Index(store.root, store.objects, store.refs, store.scores, disk=Disk(refuse))
        assert answers(builder) == told
        attach(store)
