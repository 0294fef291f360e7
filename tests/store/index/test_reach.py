"""What the refs no longer reach is seen by nobody, unless it is named."""

from __future__ import annotations

from tests.store.index.synthetic import Builder, made_up
from wisedb.store import history


def test_a_deleted_branch_is_forgotten(builder: Builder) -> None:
    side = builder.move("side", builder.write([builder.tip()], list(made_up(80, 1))))
    builder.store.index.ensure()
    assert len(history.search(builder.store, "ticket 80")) == 1
    builder.store.refs.delete("refs/heads/side", "delete")
    assert builder.store.index.status() == "behind"
    assert history.search(builder.store, "ticket 80") == []
    # Who names it still gets it, until it is collected.
    assert history.edit(builder.store, side.edits[-1][:8]).id == side.edits[-1]
    assert builder.store.index.ensure() == "caught-up"
    assert history.search(builder.store, "ticket 80") == []
    assert history.edit(builder.store, side.edits[-1]).prompt == next(made_up(80, 1)).prompt
