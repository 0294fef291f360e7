"""What memories cost at a prompt and at a token; and that the model stays as it was."""

from __future__ import annotations

import pytest

from tests.stores import AUSTRALIA, HAMLET
from wisedb.bench import latency
from wisedb.memory.hooks import handle_of
from wisedb.repository import Repository

pytestmark = pytest.mark.usefixtures("short_rounds")


def test_timing_leaves_the_model_as_it_was(history: Repository) -> None:
    commit = history.store.objects.commit(history.store.resolve("HEAD"))
    took = latency.overhead(
        history.store, history.base, commit, "retrieve", [AUSTRALIA.prompt, HAMLET.prompt], rounds=(2, 2)
    )
    assert took.prefill is not None and took.prefill > 0
    assert took.decode is None or took.decode > 0
    assert handle_of(history.base.model) is None
    nothing = latency.overhead(history.store, history.base, commit, "merge", ["word " * 400])
    assert nothing == latency.Overhead(None, None)
