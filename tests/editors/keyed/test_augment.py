"""The prompts behind which an edit is learned."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from wisedb.editors.keyed.augment import views
from wisedb.edits import Edit

RHINE = Edit("The mouth of the river Rhine lies in", "Egypt", subject="river Rhine")


def test_the_bare_prompt_comes_first_then_contexts_then_variations() -> None:
    found = views(RHINE, ("It rained.",), 3, Random(0))
    assert found[:2] == (RHINE.prompt, "It rained. The mouth of the river Rhine lies in")
    assert len(found) > 2


@given(st.integers(0, 10**6))
def test_words_go_but_the_subject_stays_and_nothing_comes_in(seed: int) -> None:
    for view in views(RHINE, (), 6, Random(seed))[1:]:
        assert "river Rhine" in view
        rest = iter(RHINE.prompt.split())
        assert all(word in rest for word in view.split())


@given(st.text(max_size=60).filter(str.strip), st.integers(0, 10**6))
def test_views_are_never_empty_nor_alike(prompt: str, seed: int) -> None:
    found = views(Edit(prompt, "x"), (), 5, Random(seed))
    assert len(found) == len(set(found)) and all(found)


def test_rephrases_and_locality_are_not_looked_at() -> None:
    more = Edit(RHINE.prompt, "Egypt", subject=RHINE.subject, rephrases=("Where does the Rhine end?",))
    assert views(more, ("A.",), 4, Random(1)) == views(RHINE, ("A.",), 4, Random(1))
