"""The figures say what they are defined to say."""

from __future__ import annotations

import pytest

from tests.stores import AUSTRALIA, HAMLET, NEWER, SPAIN
from wisedb.errors import InputError, UsageError
from wisedb.repository import Repository

KEYS = {
    "commit",
    "mode",
    "n",
    "reliability",
    "generalization",
    "locality",
    "exact_match",
    "exact_match_rephrase",
    "router",
    "oracle",
    "base",
    "seconds",
}


def test_edits_that_were_learned(history: Repository) -> None:
    found = history.evaluate()
    assert (found.commit, found.mode, found.n) == (history.store.resolve("HEAD"), "retrieve", 3)
    assert found.reliability == found.exact_match == found.recall_at_1 == found.oracle["reliability"] == 1.0
    assert found.generalization is not None and 0 <= found.generalization <= 1
    assert found.base["exact_match"] == 0.0 and (found.base["reliability"] or 0) < 1
    record = found.to_json()
    assert set(record) == KEYS
    assert set(record["router"]) == {"recall_at_1", "recall_at_1_rephrase", "false_fire"}
    assert set(record["oracle"]) == {"reliability", "generalization"}
    assert set(record["base"]) == {"reliability", "generalization", "exact_match"}
    assert history.store.scores.get(found.commit)["retrieve"] == record
    assert history.log()[0].to_json()["scores"]["retrieve"] == record


def test_the_base_has_its_own_figures_and_agrees_with_itself(history: Repository) -> None:
    found = history.evaluate("HEAD~2", data=[AUSTRALIA, HAMLET])
    assert found.locality == 1.0 and found.false_fire == 0.0 and found.recall_at_1 is None
    assert found.reliability == found.base["reliability"] == found.oracle["reliability"]
    also = history.evaluate("HEAD", data=[AUSTRALIA, HAMLET], mode="base")
    assert also.reliability == found.reliability and also.locality == 1.0


def test_the_merge_is_measured_as_one_memory(history: Repository) -> None:
    found = history.evaluate(mode="merge")
    assert found.mode == "merge" and found.recall_at_1 == 1.0


def test_data_need_not_be_in_force(history: Repository) -> None:
    found = history.evaluate(data=[AUSTRALIA, NEWER, SPAIN])
    # NEWER has a prompt that is in force with another target: it can't be right, nor is it held by any memory.
    assert found.n == 3 and found.recall_at_1 == 1.0 and found.exact_match == pytest.approx(1 / 3)
    assert history.evaluate(data=[AUSTRALIA, NEWER, SPAIN], limit=1).exact_match == 1.0


def test_without_edits_there_is_nothing_to_measure(repository: Repository, history: Repository) -> None:
    with pytest.raises(InputError):
        repository.evaluate()
    with pytest.raises(UsageError):
        history.evaluate(mode="blend")
