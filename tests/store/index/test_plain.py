"""An index that came with somebody else's store runs nothing of theirs."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from tests.store.index.synthetic import Builder, made_up
from wisedb.store import history
from wisedb.store.index.plain import CLOSED, DamagedIndex, ensure_plain
from wisedb.store.index.session import Session

SECRET = "correct horse battery staple"


def change(builder: Builder, statements: str) -> Path:
    """Write something into the generation that counts, and let it count again."""
    folder = builder.store.root / "index"
    current = json.loads((folder / "CURRENT").read_bytes())
    file = folder / str(current["file"])
    with duckdb.connect(str(file)) as connection:
        connection.execute(statements)
        connection.execute("CHECKPOINT")
    (folder / "CURRENT").write_text(json.dumps({**current, "bytes": file.stat().st_size}))
    return file


def reading(secret: Path) -> str:
    return f"""
        ALTER TABLE edits RENAME TO hers;
        CREATE VIEW edits AS SELECT * REPLACE ((SELECT content FROM read_text('{secret}')) AS target) FROM hers"""


@pytest.mark.parametrize("behind", [False, True])
def test_a_view_that_reads_a_file_is_never_run(builder: Builder, tmp_path: Path, behind: bool) -> None:
    (tmp_path / "secret").write_text(SECRET)
    builder.store.index.ensure()
    change(builder, reading(tmp_path / "secret"))
    if behind:
        builder.move("main", builder.write([builder.tip()], list(made_up(50, 2))))
    told = [edit.target for edit in history.facts(builder.store)]
    assert told and SECRET not in told
    # It was made anew, and holds tables.
    assert builder.store.index.ensure() == "ok"
    assert [edit.target for edit in history.facts(builder.store)] == told


@pytest.mark.parametrize(
    "statements",
    [
        "CREATE TABLE more (x INTEGER)",
        "CREATE VIEW more AS SELECT 1",
        "CREATE SEQUENCE more",
        "ALTER TABLE edits ADD COLUMN more VARCHAR",
        "ALTER TABLE edits ALTER COLUMN target SET DEFAULT 'x'",
        "ALTER TABLE changes ALTER COLUMN position TYPE BIGINT",
        "DROP TABLE memories",
        "CREATE INDEX more ON edits (id)",
    ],
)
def test_only_the_indexs_own_tables_are_read(builder: Builder, statements: str) -> None:
    builder.store.index.ensure()
    file = change(builder, statements)
    with pytest.raises(DamagedIndex, match="something else"):
        Session(file)
    assert len(list(history.facts(builder.store))) > 0


def test_a_macro_in_a_draft_is_refused(tmp_path: Path, builder: Builder) -> None:
    builder.store.index.ensure()
    file = change(builder, "CREATE MACRO unnest(x) AS 1")
    with duckdb.connect(str(file), config=CLOSED) as connection, pytest.raises(DamagedIndex):
        ensure_plain(connection)


def test_a_session_reaches_no_file(builder: Builder, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    builder.store.index.ensure()
    current = json.loads((builder.store.root / "index" / "CURRENT").read_bytes())["file"]
    for generation in (None, builder.store.root / "index" / current):
        session = Session(generation)
        try:
            for query in (f"SELECT * FROM read_text('{tmp_path / 'secret'}')", "SET enable_external_access = true"):
                with pytest.raises(duckdb.Error):
                    session.rows(query)
        finally:
            session.close()


def test_catching_up_copies_a_plain_index(builder: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    builder.store.index.ensure()
    builder.move("main", builder.write([builder.tip()], list(made_up(50, 2))))
    monkeypatch.setattr("wisedb.store.index.builder.IndexBuilder.rebuild", lambda self: pytest.fail("made anew"))
    assert builder.store.index.ensure() == "caught-up"
