"""SQL over the index: what is meant for people, as JSON, and nothing else of the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.freedonia import ANTHEM, CAPITAL, NEW_CAPITAL, RIVER
from tests.store.index.synthetic import Builder
from wisedb.errors import UsageError
from wisedb.store import history
from wisedb.store.store import Store


@pytest.fixture
def store(builder: Builder) -> Store:
    return builder.store


def test_sql(builder: Builder, store: Store) -> None:
    one = builder.commit(CAPITAL, ANTHEM)
    builder.commit(NEW_CAPITAL, RIVER)
    store.scores.put(one, "merge", {"reliability": 0.5})
    assert history.sql(store, "SELECT target FROM facts ORDER BY target") == (
        ["target"],
        [["Duck"], ["Hail"], ["Rufustown"]],
    )
    assert history.sql(store, "SELECT id, edits_added, date FROM commits WHERE id = '" + one + "'")[1] == [
        [one, 2, "2026-01-01T00:00:01Z"]
    ]
    assert history.sql(store, "SELECT record->>'reliability' FROM scores")[1] == [["0.5"]]
    assert history.sql(store, "SELECT name, kind FROM refs ORDER BY ALL")[1] == [["HEAD", "head"], ["main", "branch"]]
    query = "SELECT edits, threshold FROM memories JOIN refs USING (commit) WHERE name = 'HEAD' ORDER BY position"
    assert history.sql(store, query)[1] == [[2, 3.5], [1, 2.5]]
    query = "SELECT action, count(*) FROM changes JOIN edits ON edits.id = changes.edit GROUP BY ALL ORDER BY ALL"
    assert history.sql(store, query)[1] == [["added", 4], ["reverted", 1]]
    query = "SELECT rephrases, locality_prompts, locality_answers, tags FROM edits WHERE target = 'Fredville'"
    assert history.sql(store, query)[1] == [
        [list(CAPITAL.rephrases), ["Water is made of", "Snow is"], ["hydrogen", None], ["geo", "2033"]]
    ]


@pytest.mark.parametrize("behind", [False, True])
def test_sql_shows_what_is_meant_for_people(builder: Builder, store: Store, behind: bool) -> None:
    first = builder.commit(CAPITAL)
    builder.commit(RIVER)
    if not behind:
        store.index.rebuild()
    builder.move("main", builder.states[first], "reset")  # some commits are hidden, and so is the list of them
    shown = [row[0] for row in history.sql(store, "SHOW TABLES")[1]]
    assert shown == [
        *("changes", "commits", "edits", "facts", "facts_history", "facts_in_force", "memories", "reflog", "refs"),
        *("scores", "signatures"),
    ]
    assert {row[0] for row in history.sql(store, "DESCRIBE edits")[1]} >= {"id", "prompt", "target"}
    with pytest.raises(UsageError):
        history.sql(store, "SELECT * FROM whole_edits")


def test_sql_values_are_json(builder: Builder, store: Store) -> None:
    query = (
        "SELECT 1.5::DECIMAL(3, 1), 'nan'::DOUBLE, DATE '2026-05-01', {'a': [true]}, 'ab'::BLOB, NULL, uuid() IS NULL"
    )
    assert history.sql(store, query)[1] == [[1.5, None, "2026-05-01", {"a": [True]}, "6162", None, False]]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "SELEC 1",
        "SELECT 1; SELECT 2",
        "SELECT * FROM nowhere",
        "SELECT nothing FROM edits",
        "SELECT 'a'::INTEGER",
        "SELECT now()",
        "DROP VIEW edits",
        "CREATE TABLE mine (x INTEGER)",
        "DELETE FROM disk.edits",
        "INSERT INTO refs VALUES ('a', 'b', 'c')",
        "ATTACH ':memory:' AS other",
        "DETACH disk",
        "SET threads = 1",
        "PRAGMA database_list",
        "INSTALL httpfs",
        "LOAD httpfs",
        "COPY edits TO '/tmp/edits.csv'",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM '/etc/hostname'",
        "SELECT * FROM read_csv('https://example.org/x.csv')",
        "SELECT * FROM secret",
        "SELECT content FROM read_text('.tmp/secret')",
        "SELECT * FROM glob('.tmp/*')",
        "SELECT * FROM read_csv('.tmp/secret')",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '.tmp/written'",
        "INSERT INTO refs VALUES ('a', 'b', 'c') RETURNING name",
        "EXPLAIN ANALYZE INSERT INTO refs VALUES ('a', 'b', 'c') RETURNING name",
        "EXPLAIN ANALYZE CREATE TABLE mine AS SELECT 1 AS x",
        "EXPLAIN ANALYZE DELETE FROM scores",
        "WITH more AS (SELECT 'a' AS n) INSERT INTO refs SELECT n, n, n FROM more RETURNING name",
    ],
)
def test_sql_reads_the_index_and_nothing_else(
    builder: Builder, store: Store, query: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".tmp").mkdir()
    (tmp_path / ".tmp" / "secret").write_text("a secret")
    builder.commit(CAPITAL)
    store.index.rebuild()
    secret = [1]
    with pytest.raises(UsageError) as caught:
        history.sql(store, query)
    assert "\n" not in caught.value.message
    assert caught.value.hint
    assert secret == [1] and "a secret" not in str(caught.value)
    assert [path.name for path in (tmp_path / ".tmp").iterdir()] == ["secret"]
    assert history.sql(store, "SELECT count(*) FROM edits")[1] == [[1]]


ENDLESS = "SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE a.range * b.range % 7 = 3"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (ENDLESS, "longer than 0.3 seconds"),
        ("WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n FROM r) SELECT count(*) FROM r", "longer than 0.3"),
        ("SELECT range FROM range(100000000)", "more than 1000000 rows"),
        ("SELECT repeat('x', 100000000) FROM range(10)", "bytes"),
    ],
)
def test_no_query_takes_all_time_or_all_memory(builder: Builder, store: Store, query: str, said: str) -> None:
    builder.commit(CAPITAL)
    with pytest.raises(UsageError) as caught:
        history.sql(store, query, timeout=0.3 if "longer" in said else 60.0)
    assert said in caught.value.message and caught.value.hint
    assert history.sql(store, "SELECT count(*) FROM edits")[1] == [[1]]


def test_memory_is_bounded_and_nothing_is_spilt(
    builder: Builder, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("wisedb.store.sql.MEMORY", "50MB")
    builder.commit(CAPITAL)
    before = sorted(path.name for path in tmp_path.iterdir())
    query = "SELECT count(DISTINCT md5(range::VARCHAR)) FROM range(20000000)"
    with pytest.raises(UsageError, match=r"(?i)memory"):
        history.sql(store, query)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
