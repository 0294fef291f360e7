"""Who brought a fact into force: by its prompt, by a rephrase, by likeness, through merges."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.freedonia import ANTHEM, CAPITAL, NEW_CAPITAL, RIVER, merge
from tests.store.index.synthetic import Builder
from wisedb.store import history
from wisedb.store.store import Store


@pytest.fixture
def store(builder: Builder) -> Store:
    return builder.store


def test_blame_by_the_prompt_however_it_is_spelt(builder: Builder, store: Store) -> None:
    one = builder.commit(CAPITAL)
    builder.commit(RIVER)
    for prompt in (CAPITAL.prompt, "  the CAPITAL of\tFreedonia  IS "):
        found = history.blame(store, prompt)
        assert (found.edit, found.commit) == (CAPITAL, one)
    assert [candidate[0] for candidate in found.candidates] == [RIVER]
    assert 0 < found.candidates[0][2] < 1


def test_blame_by_a_rephrase(builder: Builder, store: Store) -> None:
    one = builder.commit(CAPITAL, RIVER)
    found = history.blame(store, "which city rules freedonia?")
    assert (found.edit, found.commit) == (CAPITAL, one)


def test_blame_by_likeness_names_candidates_only(builder: Builder, store: Store) -> None:
    builder.commit(RIVER, ANTHEM)
    two = builder.commit(CAPITAL)
    found = history.blame(store, "What is Freedonia's capital?")
    assert (found.edit, found.commit) == (None, None)
    assert found.candidates[0][:2] == (CAPITAL, two)
    scores = [score for _, _, score in found.candidates]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    # A word in a rephrase or a misspelt one counts too.
    assert history.blame(store, "governed from where?").candidates[0][0] == CAPITAL
    assert history.blame(store, "The capitol of Fredonia is").candidates[0][0] == CAPITAL


@pytest.mark.parametrize(
    "prompt", ["", "  ", "?!", "首都はどこですか", "x" * 10_000, "'; DROP TABLE edits; --", "\x00"]
)
def test_blame_takes_any_text(builder: Builder, store: Store, prompt: str) -> None:
    assert history.blame(store, prompt).candidates == ()
    builder.commit(CAPITAL)
    assert history.blame(store, prompt).edit is None


def test_blame_names_the_commit_that_counts_for_that_revision(builder: Builder, store: Store) -> None:
    one = builder.commit(CAPITAL)
    builder.commit(revert=(CAPITAL,))
    assert history.blame(store, CAPITAL.prompt).edit is None
    again = builder.commit(CAPITAL)
    assert history.blame(store, CAPITAL.prompt).commit == again
    assert history.blame(store, CAPITAL.prompt, "HEAD~2").commit == one
    newer = builder.commit(NEW_CAPITAL)
    found = history.blame(store, CAPITAL.prompt)
    assert (found.edit, found.commit) == (NEW_CAPITAL, newer)


def test_blame_looks_through_a_merge(tmp_path: Path) -> None:
    builder = Builder.make(tmp_path, capacity=1)
    builder.commit(RIVER)
    builder.move("side", builder.tip())
    builder.commit(ANTHEM)
    made = builder.commit(CAPITAL, branch="side")
    merge(builder, "main", "side")
    assert history.blame(builder.store, CAPITAL.prompt).commit == made
    assert history.facts(builder.store) == [RIVER, ANTHEM, CAPITAL]


def test_blame_takes_a_prompt_of_any_length(builder: Builder, store: Store) -> None:
    builder.commit(CAPITAL, RIVER)
    long = " ".join(f"word{number}" for number in range(5000))
    found = history.blame(store, f"{long} Freedonia is governed from {long}")
    assert found.edit is None
    assert {edit for edit, _, _ in found.candidates} == {CAPITAL, RIVER}
    assert all(0 <= score < 0.3 for _, _, score in found.candidates)
