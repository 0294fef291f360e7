"""Explanations name what is behind an answer."""

from __future__ import annotations

from tests.stores import AUSTRALIA, SUM
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
