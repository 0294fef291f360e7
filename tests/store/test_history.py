"""History queries: right on every shape of history, and the same however the index came about."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.store.freedonia import CAPITAL, RIVER
from tests.store.index.synthetic import Builder
from wisedb.errors import UnknownRevision
from wisedb.store import history
from wisedb.store.store import Store


@pytest.fixture
def store(builder: Builder) -> Store:
    return builder.store


def test_log_is_newest_first_with_scores_and_needs_no_index(builder: Builder, store: Store) -> None:
    one = builder.commit(CAPITAL, message="one")
    two = builder.commit(RIVER, message="two")
    store.scores.put(one, "retrieve", {"reliability": 1.0})
    found = history.log(store)
    assert [entry[0] for entry in found][:2] == [two, one]
    assert [entry[1].message for entry in found] == ["two", "one", "init"]
    assert [entry[2] for entry in found] == [{}, {"retrieve": {"reliability": 1.0}}, {}]
    assert [entry[0] for entry in history.log(store, "HEAD~1", 1)] == [one]
    assert history.log(store, n=0) == []
    with pytest.raises(UnknownRevision):
        history.log(store, "nowhere")


def test_log_loads_no_database(builder: Builder) -> None:
    builder.commit(CAPITAL)
    script = (
        "import sys; from pathlib import Path; from wisedb.store.store import Store; from wisedb.store import history\n"
        "assert len(history.log(Store.open(Path(sys.argv[1])), 'HEAD', 20)) == 2\n"
        "assert not {'duckdb', 'pyarrow', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script, str(builder.store.root)], check=True)
