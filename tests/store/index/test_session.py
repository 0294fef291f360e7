"""A connection on which queries see the whole history, with a generation or without."""

from __future__ import annotations

import duckdb
import pytest

from tests.store.index.synthetic import Builder, made_up
from wisedb.store.index import Session, schema


def test_a_session_without_a_generation_is_empty_and_closed_by_its_owner() -> None:
    session = Session(None)
    assert session.counts() == dict.fromkeys(schema.TABLES, 0)
    session.close()
    with pytest.raises(duckdb.Error):
        session.counts()


def test_lines_and_merges_are_those_of_the_history(builder: Builder) -> None:
    first = builder.tip()
    side = builder.move("side", builder.write([first], list(made_up(30, 1))))
    made = builder.write([builder.move("main", builder.write([first], list(made_up(40, 1)))), side])
    builder.move("main", made)
    builder.store.index.rebuild()

    def look(session: Session) -> None:
        number = {state.commit: session.number(str(state.commit)) for state in (first, side, made)}
        assert session.known() == set(builder.store.objects.commit_ids())
        assert session.merged(number[made.commit]) == (number[side.commit],)
        assert session.merged(number[first.commit]) == ()
        assert len(session.line(number[made.commit])) == 6 and number[side.commit] not in session.line(
            number[made.commit]
        )
        assert session.counts()["edits"] == 11

    builder.store.index.run(look)
