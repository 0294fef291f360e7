"""Explanations and differences name what is behind an answer."""

from __future__ import annotations

from tests.stores import AUSTRALIA, HAMLET, NEWER, SUM
from wisedb.repository import Repository


def test_an_explanation_names_memory_threshold_and_edits(history: Repository) -> None:
    memories = history.show().memories
    found = history.explain(SUM.prompt)
    assert found.routed and found.memory == memories[1].id
    assert found.answer == "Hamlet" and found.base_answer == history.generate(SUM.prompt, base=True)[0].text
    assert found.router == "keys" and found.meant == SUM.id
    assert {firing.id: firing.threshold for firing in found.memories} == {memory.id: 0.0 for memory in memories}
    assert all(memory.threshold is None for memory in memories)
    assert all(set(firing.scores) == {"keys", "activation"} for firing in found.memories)
    assert all(firing.activation == firing.scores["keys"] for firing in found.memories)
    activations = [firing.activation for firing in found.memories]
    assert activations == sorted(activations, reverse=True)
    assert found.nearest[0] == (SUM, 1.0)
    assert set(found.to_json()) == {
        "prompt",
        "routed",
        "memory",
        "always_on",
        "router",
        "meant",
        "memories",
        "nearest",
        "answer",
        "base_answer",
    }


def test_before_any_edit_the_base_answers(history: Repository) -> None:
    found = history.explain(SUM.prompt, at="HEAD~2")
    assert not found.routed and found.memory is None and found.memories == () and found.nearest == ()
    assert found.answer == found.base_answer


def test_a_rephrase_finds_its_edit(history: Repository) -> None:
    assert history.explain(AUSTRALIA.rephrases[0]).nearest[0] == (AUSTRALIA, 1.0)


def test_a_difference_shows_facts_tensors_and_answers(repository: Repository) -> None:
    repository.commit([AUSTRALIA, HAMLET], "a")
    repository.commit([NEWER, SUM], "b")
    found = repository.diff("HEAD~1", "HEAD", tensors=True, behaviour=True)
    assert found.added == (SUM,) and found.removed == ()
    assert [(before, after) for _, before, after in found.changed] == [(AUSTRALIA, NEWER)]
    record = found.to_json()
    assert [item["prompt"] for item in record["behaviour"]] == [SUM.prompt, NEWER.prompt]
    assert record["behaviour"][1] == {"prompt": NEWER.prompt, "from": "Paris", "to": "France"}
    first, second = record["tensors"]["memories"]
    assert first["from"] > 0 and first["to"] > 0 and first["change"] > 0
    assert second["from"] is None and second["change"] == second["to"] > 0
    (overlap,) = record["tensors"]["overlaps"]
    assert 0.3 < overlap["shared"] < 0.7 and 0 <= overlap["sign_agreement"] <= 1
    assert "tensors" not in repository.diff("HEAD~1").to_json()


def test_nothing_differs_from_itself(history: Repository) -> None:
    found = history.diff("HEAD", "HEAD", tensors=True, behaviour=True)
    assert (found.added, found.removed, found.changed, found.behaviour) == ((), (), (), ())
    assert found.tensors is not None and all(memory.change == 0 for memory in found.tensors.memories)
