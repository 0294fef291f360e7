"""The edit stream: counterfactual, disjoint from its locality, reproducible, and shipped as built."""

from __future__ import annotations

from collections import Counter

import pytest

from wisedb.atlas import edits_path, load_facts
from wisedb.atlas.facts import Fact
from wisedb.atlas.stream import build_stream, to_lines
from wisedb.edits import Edit
from wisedb.errors import InputError
from wisedb.importers import read_edits, read_edits_from

ATLAS = load_facts()
EVERYTHING = frozenset((fact, template) for fact in ATLAS.facts for template in range(8))
SHIPPED = read_edits(edits_path())
FACTS = {(fact.relation, fact.subject): fact for fact in ATLAS.facts}
BY_PROMPT = {ATLAS.prompt(fact, template): fact for fact in ATLAS.facts for template in range(8)}


def _fact(edit: Edit) -> Fact:
    return FACTS[edit.tags[0], edit.subject or ""]


def _check(edits: list[Edit]) -> None:
    edited = {_fact(edit) for edit in edits}
    assert len(edited) == len(edits) == len({edit.key for edit in edits})
    for edit in edits:
        fact = _fact(edit)
        assert edit.ground_truth == fact.object
        assert edit.target != fact.object
        assert edit.target in {other.object for other in ATLAS.of(fact.relation)}
        assert edit.prompt in {ATLAS.prompt(fact, template) for template in fact.trained}
        assert list(edit.rephrases) == [ATLAS.prompt(fact, template) for template in fact.held_out]
        assert edit.source == "atlas" and edit.reason is None
        near = BY_PROMPT[edit.locality[0].prompt]
        assert near.relation == fact.relation and near.subject != fact.subject
        assert 2 <= len(edit.locality) <= 3
        for number, item in enumerate(edit.locality):
            other = BY_PROMPT[item.prompt]
            assert other not in edited
            assert item.answer == other.object
            assert number == 0 or other.relation != fact.relation


def test_the_shipped_stream_keeps_its_promises() -> None:
    assert len(SHIPPED) == 1000
    _check(SHIPPED)


def test_the_shipped_stream_mixes_the_relations() -> None:
    counts = Counter(edit.tags[0] for edit in SHIPPED)
    assert len(counts) == len(ATLAS.relations)
    assert max(counts.values()) <= 60
    first = Counter(edit.tags[0] for edit in SHIPPED[:100])
    assert len(first) >= 18


def test_a_stream_over_a_model_that_knows_everything() -> None:
    edits = build_stream(ATLAS, EVERYTHING, 300, 1)
    _check(edits)
    assert edits == build_stream(ATLAS, EVERYTHING, 300, 1)
    assert edits != build_stream(ATLAS, EVERYTHING, 300, 2)


def test_only_what_the_model_knows_is_used() -> None:
    known = frozenset(each for each in EVERYTHING if hash_free(each) % 3)
    for edit in build_stream(ATLAS, known, 100, 1):
        fact = _fact(edit)
        asked = [edit.prompt, *edit.rephrases]
        assert all((fact, _template(prompt, fact)) in known for prompt in asked)
        for item in edit.locality:
            other = BY_PROMPT[item.prompt]
            assert (other, _template(item.prompt, other)) in known


def hash_free(each: tuple[Fact, int]) -> int:
    """A number that does not change from run to run."""
    return sum(each[0].subject.encode()) + each[1]


def _template(prompt: str, fact: Fact) -> int:
    return next(number for number in range(8) if ATLAS.prompt(fact, number) == prompt)


def test_too_few_known_facts_are_refused() -> None:
    with pytest.raises(InputError, match="too few"):
        build_stream(ATLAS, EVERYTHING, 100_000, 0)


def test_lines_survive_the_round_trip() -> None:
    assert read_edits_from(to_lines(SHIPPED[:20]).encode(), "edits.jsonl") == SHIPPED[:20]
