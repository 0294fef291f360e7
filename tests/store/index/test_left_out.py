"""What can't be read on one branch takes nothing from the answers about another, and is told."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.store.index.synthetic import Builder, State, made_up
from wisedb.canonical import canonical_json
from wisedb.errors import CorruptObject, MissingObject, StoreError, WisedbWarning
from wisedb.store import history
from wisedb.store.blobs import Array, Blob
from wisedb.store.store import Store


@dataclass
class Forked:
    """``main`` is sound, and ``side`` goes on from it."""

    builder: Builder
    side: State
    newest: str

    @property
    def store(self) -> Store:
        return Store.open(self.builder.store.root)


@pytest.fixture
def forked(builder: Builder) -> Forked:
    main = builder.tip()
    side = builder.move("side", builder.write([main], list(made_up(50, 2))))
    newest = builder.move("side", builder.write([side], list(made_up(60, 2))))
    builder.commit(*made_up(70, 2))
    assert newest.commit is not None
    return Forked(builder, side, newest.commit)


def answers(store: Store) -> list[object]:
    """What is asked about ``main`` alone."""
    facts = history.facts(store)
    return [
        facts,
        history.diff(store, "HEAD~1"),
        history.blame(store, facts[0].prompt),
        [edit.id for edit in history.search(store, "Land0")],
        history.edit(store, facts[1].id),
        history.sql(store, "SELECT count(*) FROM facts"),
        store.index.ensure() in ("ok", "caught-up", "rebuilt", "bypassed"),
    ]


def told(store: Store) -> tuple[list[object], list[str]]:
    """The answers, and what was said beside them."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        found = answers(store)
    return found, [str(each.message) for each in heard if isinstance(each.message, WisedbWarning)]


def commit_file(forked: Forked) -> Path:
    return forked.store.objects.commit_path(forked.side.commit or "")


def edits_file(forked: Forked) -> Path:
    store = forked.store
    return store.objects.blob_path(store.objects.commit(forked.side.commit or "").edits or "")


def version_file(forked: Forked) -> Path:
    store = forked.store
    return store.objects.blob_path(store.objects.commit(forked.side.commit or "").memories[-1].main)


def lose(path: Path) -> None:
    path.unlink()


def spoil(path: Path) -> None:
    data = path.read_bytes()
    path.chmod(0o644)
    # In the header, in the records and in a commit: wherever, the hash tells.
    path.write_bytes(data[:60] + bytes([data[60] ^ 1]) + data[61:])


@pytest.mark.parametrize("indexed", [False, True, None], ids=["no index yet", "an old index", "no room for one"])
@pytest.mark.parametrize("harm", [lose, spoil])
@pytest.mark.parametrize("which", [commit_file, edits_file, version_file])
def test_the_other_branch_answers_and_what_is_left_out_is_told(
    forked: Forked, which: Callable[[Forked], Path], harm: Callable[[Path], None], indexed: bool | None
) -> None:
    truth, said = told(forked.store)
    assert said == []
    folder = forked.store.root / "index"
    for path in folder.iterdir():
        path.unlink()
    if indexed is None:
        folder.rmdir()
        folder.write_text("in the way")
    elif indexed:
        # One from before the branch was.
        forked.builder.store.refs.delete("refs/heads/side", "for now")
        told(forked.store)
        forked.builder.store.refs.create("refs/heads/side", forked.newest, "again")
    path = which(forked)
    whole = path.read_bytes()
    harm(path)
    found, said = told(forked.store)
    assert found == truth
    assert said and all("leaves out what can't be read" in each for each in said)
    with pytest.raises((CorruptObject, MissingObject)):
        history.facts(forked.store, "side")
    if indexed is not None:
        # The second look doesn't make the index anew.
        before = json.loads((folder / "CURRENT").read_bytes())
        assert told(forked.store) == (found, said)
        assert json.loads((folder / "CURRENT").read_bytes()) == before
    path.write_bytes(whole) if path.exists() else forked.store.disk.write(path, whole)
    assert told(forked.store) == (truth, [])
    assert len(history.facts(forked.store, "side")) == 13


def records(*, text: str) -> Blob:
    return Blob("edits", {"edits": ["e" * 64]}, {"records": Array("U8", (len(text),), text.encode())})


def unknown_edit(builder: Builder, state: State) -> str:
    """A commit with the right hash that speaks of an edit which no commit introduces."""
    commit = builder.store.objects.commit(state.commit or "")
    return builder.store.objects.put_commit(
        replace(commit, parents=(state.commit or "",), edits=None, added=("e" * 64,), reverted=())
    )


def no_records(builder: Builder, state: State, text: str) -> str:
    commit = builder.store.objects.commit(state.commit or "")
    blob = builder.store.objects.put(records(text=text))
    return builder.store.objects.put_commit(
        replace(commit, parents=(state.commit or "",), edits=blob, added=(), reverted=())
    )


def half_a_letter(builder: Builder, state: State) -> str:
    return no_records(builder, state, r'[{"prompt": "\ud800 is", "target": "x"}]')


def numbers_for_texts(builder: Builder, state: State) -> str:
    return no_records(builder, state, '[{"prompt": 1, "target": 2}]')


def a_table(builder: Builder, state: State) -> str:
    return no_records(builder, state, '{"prompt": "x", "target": "y"}')


def not_text(builder: Builder, state: State) -> str:
    return no_records(builder, state, "\0\1 nothing")


def version(builder: Builder, state: State, **meta: object) -> str:
    objects = builder.store.objects
    commit = objects.commit(state.commit or "")
    memory = commit.memories[-1]
    old = objects.get(memory.main)
    blob = objects.put(Blob("delta", {**old.meta, **meta}, old.arrays))
    changed = replace(memory, main=blob, blobs={**memory.blobs, "delta": blob})
    memories = (*commit.memories[:-1], changed)
    return objects.put_commit(
        replace(commit, parents=(state.commit or "",), edits=None, added=(), reverted=(), memories=memories)
    )


def edits_of_another_type(builder: Builder, state: State) -> str:
    return version(builder, state, edits={"a": 1})


def ids_that_are_none(builder: Builder, state: State) -> str:
    return version(builder, state, edits=["not an id"])


def newer(builder: Builder, state: State) -> str:
    from wisedb.canonical import digest

    commit = builder.store.objects.commit(state.commit or "")
    data = canonical_json({**commit.to_json(), "format": 99})
    builder.store.disk.write(builder.store.objects.commit_path(digest(data)), data)
    return digest(data)


@pytest.mark.parametrize(
    "make",
    [
        unknown_edit,
        half_a_letter,
        numbers_for_texts,
        a_table,
        not_text,
        edits_of_another_type,
        ids_that_are_none,
        newer,
    ],
)
def test_what_has_the_right_hash_and_no_sense(builder: Builder, make: Callable[[Builder, State], str]) -> None:
    truth = told(builder.store)[0]
    builder.store.refs.create("refs/remotes/origin/evil", make(builder, builder.tip()), "fetch")
    store = Store.open(builder.store.root)
    found, said = told(store)
    assert found == truth and said
    with pytest.raises(StoreError):
        history.facts(store, "origin/evil")
    builder.store.refs.delete("refs/remotes/origin/evil", "gone")
    assert told(Store.open(store.root)) == (truth, [])


def test_a_threshold_that_no_float_holds_is_none(builder: Builder) -> None:
    commit = version(builder, builder.tip(), threshold=10**400)
    builder.store.refs.create("refs/heads/odd", commit, "branch")
    assert history.sql(builder.store, "SELECT count(*) FROM memories WHERE threshold IS NULL")[1] == [[1]]


def test_a_ref_that_names_nothing_takes_nothing_from_the_others(forked: Forked) -> None:
    truth, _ = told(forked.store)
    (forked.store.root / "refs/heads/side").write_text("rubbish")
    assert told(forked.store)[0] == truth


def test_what_lies_in_front_of_the_damage_is_still_history(builder: Builder) -> None:
    before = [edit.id for edit in history.search(builder.store, "ticket")]
    tip = builder.commit(*made_up(80, 1))
    other = builder.store.objects.commit(tip).edits or ""
    builder.store.objects.blob_path(other).unlink()
    (builder.store.root / "index/CURRENT").unlink()
    store = Store.open(builder.store.root)
    with pytest.warns(WisedbWarning, match="leaves out"):
        assert [edit.id for edit in history.search(store, "ticket")] == before
    with pytest.raises(MissingObject):
        history.facts(store)


def test_many_commits_behind_the_damage_are_walked_once(builder: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    state = builder.write([builder.tip()], list(made_up(50, 1)))
    path = builder.store.objects.commit_path(state.commit or "")
    for number in range(60):
        state = builder.write([state], list(made_up(100 + number, 1)))
    builder.move("long", state)
    path.unlink()
    told(Store.open(builder.store.root))
    monkeypatch.setattr("wisedb.store.index.builder.IndexBuilder.rebuild", lambda self: pytest.fail("made anew"))
    monkeypatch.setattr("wisedb.store.index.builder.IndexBuilder.catch_up", lambda self: pytest.fail("made anew"))
    _, said = told(Store.open(builder.store.root))
    assert len(set(said)) == 1
