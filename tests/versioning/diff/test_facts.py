"""What differs between two commits: facts always, tensors and answers where they are asked for."""

from __future__ import annotations

from tests.stores import AUSTRALIA, HAMLET, NEWER, SUM
from wisedb.repository import Repository


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
