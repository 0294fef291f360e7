"""An index is compared with the objects, whatever numbers it has for their ids."""

from __future__ import annotations

from contextlib import closing

import pytest

from tests.store.freedonia import ANTHEM, CAPITAL, NEW_CAPITAL, RIVER, merge
from tests.store.index.synthetic import Builder
from wisedb.store.fsck import fsck
from wisedb.store.index.compare import differing
from wisedb.store.index.lacking import missing
from wisedb.store.index.session import Session


@pytest.fixture
def grown(builder: Builder) -> Builder:
    """A history of two branches, with an index that grew with it, in another order than one that is made at once."""
    index = builder.store.index
    builder.commit(CAPITAL, ANTHEM)
    index.ensure()
    builder.move("other", builder.tip("main"), "branch")
    builder.move("other", builder.write([builder.tip("other")], [RIVER]))
    index.ensure()
    builder.move("main", builder.write([builder.tip("main")], [NEW_CAPITAL]))
    merge(builder, "main", "other")
    index.ensure()
    return builder


CHANGES = {
    "UPDATE edits SET target = 'LIE' WHERE number = 1": "edits",
    "UPDATE edits SET key = 'another prompt' WHERE number = 1": "edits",
    "UPDATE commits SET author = 'Eve'": "commits",
    "UPDATE commits SET first_parent = NULL": "commits",
    "UPDATE commits SET other_parents = []": "other parents",
    "UPDATE commits SET memories = list_reverse(memories)": "memories of commits",
    "UPDATE changes SET action = 'reverted'": "changes",
    "DELETE FROM changes WHERE edit = 0": "changes",
    "INSERT INTO edits SELECT * FROM edits WHERE number = 0": "edits",
    "UPDATE memories SET threshold = 0": "memories",
    "UPDATE memories SET edits = list_reverse(edits)": "edits of memories",
}


def made(builder: Builder, *changes: str) -> Session:
    """A session on all of the history, in memory, with something changed in its tables."""
    session = Session(None)
    new = missing(builder.store.objects, builder.store.index.roots(), ())
    assert new is not None
    session.add(builder.store.objects, new)
    session.connection.execute("SET schema = 'fresh'")
    for change in changes:
        session.connection.execute(change)
    session.connection.execute("SET schema = 'internal'")
    return session


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_changed_is_named(grown: Builder, change: str) -> None:
    with closing(made(grown)) as one, closing(made(grown)) as same, closing(made(grown, change)) as other:
        assert differing(one, same) == []
        assert CHANGES[change] in differing(one, other)


def test_fsck_compares_the_index_with_the_objects(grown: Builder) -> None:
    """One that grew commit by commit is all right; one in which somebody changed a value is not, whoever made it."""
    import json

    import duckdb

    store = grown.store
    assert store.index.status() == "ok" and fsck(store).problems == ()
    current = json.loads((store.root / "index" / "CURRENT").read_bytes())
    file = store.root / "index" / current["file"]
    with duckdb.connect(str(file)) as connection:
        connection.execute("UPDATE edits SET target = 'LIE' WHERE number = 1")
        connection.execute("CHECKPOINT")
    (store.root / "index" / "CURRENT").write_text(json.dumps({**current, "bytes": file.stat().st_size}))
    (problem,) = fsck(store).problems
    assert (problem.kind, problem.object) == ("corrupt-index", "index") and "edits" in problem.detail
    store.index.rebuild()
    assert fsck(store).ok
