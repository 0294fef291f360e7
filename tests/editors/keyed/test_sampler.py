"""What steps take: every edit gets its turn under every prompt, however long the answers are."""

from __future__ import annotations

from random import Random

import pytest

from tests.editors.keyed.fixtures import EDITS, prepared, quick
from wisedb.editors.keyed.sampler import MinibatchSampler, TrainingSet, training_set
from wisedb.edits import Edit

LONG = tuple(Edit(edit.prompt, " ".join(["play of France"] * 30)) for edit in EDITS)
SETTINGS = quick(minibatch=16, rehearsal=8)


def data_of(edits: tuple[Edit, ...], earlier: tuple[Edit, ...] = ()) -> TrainingSet:
    return training_set(prepared("llama"), SETTINGS, edits, earlier, Random(0))


def sampler(edits: tuple[Edit, ...], earlier: tuple[Edit, ...] = ()) -> MinibatchSampler:
    return MinibatchSampler(data_of(edits, earlier), SETTINGS, Random(0))


def test_facts_are_counted_one_by_one() -> None:
    assert sampler(EDITS).steps(40) == 40
    assert sampler(EDITS[:1]).steps(7) == 7
    many = tuple(Edit(f"Capital {number} of the play", "Paris") for number in range(40))
    assert sampler(many).steps(40) == 100
    assert sampler(many, EDITS[:3]).steps(13) == 40


def test_passages_are_counted_by_their_cost() -> None:
    data = data_of(LONG)
    costs = [data.new.cost(number) for number in range(4)]
    assert min(costs) > 4 and data.cost == sum(costs)
    assert sampler(LONG).steps(40) == -(-40 * sum(costs) // 16)


@pytest.mark.parametrize("earlier", [(), LONG[2:]])
def test_a_step_stays_within_its_budget_and_all_get_their_turn(earlier: tuple[Edit, ...]) -> None:
    data = data_of(LONG[:2], earlier)
    steps = MinibatchSampler(data, SETTINGS, Random(0))
    seen: set[tuple[int, int]] = set()
    rehearsed: set[int] = set()
    for now in range(60):
        step = steps.next()
        for some, examples, budget in ((data.new, step.new, 16 - len(earlier)), (data.old, step.old, 2)):
            assert len(examples) <= 1 or sum(some.cost(edit) for edit, _ in examples) <= budget
        steps.update(step, [False] * (len(step.new) + len(step.old)), now)
        seen.update(step.new)
        rehearsed.update(edit for edit, _ in step.old)
    assert seen == {(edit, prompt) for edit in range(2) for prompt in range(data.new.prompts(edit))}
    assert rehearsed == set(range(len(earlier)))


def test_a_lone_fact_is_taught_under_several_prompts_at_once_a_lone_passage_under_one() -> None:
    fact, passage = data_of(EDITS[:1]), data_of(LONG[:1])
    assert len(sampler(EDITS[:1]).next().new) == fact.new.prompts(0) > 2
    assert passage.new.cost(0) * 2 > 16
    assert len(sampler(LONG[:1]).next().new) == 1


def test_the_whole_of_a_moderate_shard_is_rehearsed_and_a_part_of_a_large_one() -> None:
    edits = tuple(Edit(f"Capital {number} of the play", "Paris") for number in range(140))
    assert len(data_of(EDITS[:1], edits[:125]).old) == 125
    assert len(data_of(EDITS[:1], edits).old) == 128
    none = training_set(prepared("llama"), quick(rehearsal=0), EDITS[:1], edits[:5], Random(0))
    assert len(none.old) == 0 and MinibatchSampler(none, quick(rehearsal=0), Random(0)).next().old == []


def test_rephrases_and_locality_are_not_trained_unless_rephrases_are_asked_for() -> None:
    edit = Edit(EDITS[0].prompt, "Paris", rephrases=("Australia has the capital",))
    for settings, prompts in ((quick(contexts=1), 2), (quick(contexts=0), 1), (quick(train_rephrases=True), 4)):
        assert training_set(prepared("llama"), settings, [edit], (), Random(0)).new.prompts(0) == prompts
