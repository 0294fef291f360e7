"""History queries: right on every shape of history, and the same however the index came about."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.store.freedonia import ANTHEM, CAPITAL, NEW_CAPITAL, RIVER, fact, merge
from tests.store.index.synthetic import Builder
from wisedb.edits import Edit
from wisedb.errors import AmbiguousId, UnknownEdit, UnknownRevision, UsageError
from wisedb.store import history
from wisedb.store.store import Store


@pytest.fixture(autouse=True, scope="module")
def no_flush() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture
def builder(tmp_path: Path) -> Builder:
    return Builder.make(tmp_path, capacity=2)


@pytest.fixture
def store(builder: Builder) -> Store:
    return builder.store


def commit(builder: Builder, *add: Edit, revert: tuple[Edit, ...] = (), branch: str = "main", **more: Any) -> str:
    state = builder.move(branch, builder.write([builder.tip(branch)], add, [edit.id for edit in revert], **more))
    assert state.commit is not None
    return state.commit


# Facts and their differences


def test_facts_come_in_the_order_in_which_they_came_into_force(builder: Builder, store: Store) -> None:
    commit(builder, CAPITAL, ANTHEM)
    commit(builder, RIVER)
    assert history.facts(store) == [CAPITAL, ANTHEM, RIVER]
    # The new capital goes into the first shard, and is the newest fact all the same.
    commit(builder, NEW_CAPITAL)
    assert history.facts(store) == [ANTHEM, RIVER, NEW_CAPITAL]
    commit(builder, revert=(ANTHEM,))
    commit(builder, ANTHEM)
    assert history.facts(store) == [RIVER, NEW_CAPITAL, ANTHEM]
    assert history.facts(store, "HEAD~3") == [CAPITAL, ANTHEM, RIVER]
    assert history.facts(store, "HEAD~3", 2) == [CAPITAL, ANTHEM] and history.facts(store, n=0) == []
    assert history.facts(store, "HEAD~5") == []


def test_edits_come_back_whole(builder: Builder, store: Store) -> None:
    commit(builder, CAPITAL)
    (edit,) = history.facts(store)
    assert (edit, edit.id, edit.key, edit.to_json()) == (CAPITAL, CAPITAL.id, CAPITAL.key, CAPITAL.to_json())
    assert hash(edit) == hash(CAPITAL)
    assert Edit.from_json(edit.to_json()) == CAPITAL


def test_facts_of_a_branch_and_of_a_detached_head(builder: Builder, store: Store) -> None:
    first = commit(builder, CAPITAL)
    builder.move("side", builder.tip())
    commit(builder, RIVER)
    commit(builder, ANTHEM, branch="side")
    assert history.facts(store, "side") == [CAPITAL, ANTHEM]
    assert history.facts(store, "main") == [CAPITAL, RIVER]
    store.refs.set_head(first, "checkout")
    assert history.facts(store) == [CAPITAL]


def test_facts_of_a_commit_that_a_reset_left_behind(builder: Builder, store: Store) -> None:
    before = builder.tip()
    left = commit(builder, CAPITAL)
    builder.move("main", before, "reset")
    assert history.facts(store) == []
    assert history.facts(store, left) == [CAPITAL]
    assert history.search(store, "capital") == []
    assert history.edit(store, CAPITAL.id[:6]) == CAPITAL
    assert history.edits_of(store, [CAPITAL.id]) == [CAPITAL]
    assert history.blame(store, CAPITAL.prompt, left).commit == left


def test_diff(builder: Builder, store: Store) -> None:
    one = commit(builder, CAPITAL, ANTHEM)
    commit(builder, NEW_CAPITAL, RIVER)
    two = commit(builder, revert=(ANTHEM,))
    found = history.diff(store, one, two)
    assert (found.added, found.removed) == ((RIVER,), (ANTHEM,))
    assert found.changed == ((NEW_CAPITAL.prompt, CAPITAL, NEW_CAPITAL),)
    back = history.diff(store, two, one)
    assert (back.added, back.removed) == ((ANTHEM,), (RIVER,))
    assert back.changed == ((CAPITAL.prompt, NEW_CAPITAL, CAPITAL),)
    assert history.diff(store, two) == history.FactDiff((), (), ())


# Log


def test_log_is_newest_first_with_scores_and_needs_no_index(builder: Builder, store: Store) -> None:
    one = commit(builder, CAPITAL, message="one")
    two = commit(builder, RIVER, message="two")
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
    commit(builder, CAPITAL)
    script = (
        "import sys; from pathlib import Path; from wisedb.store.store import Store; from wisedb.store import history\n"
        "assert len(history.log(Store.open(Path(sys.argv[1])), 'HEAD', 20)) == 2\n"
        "assert not {'duckdb', 'pyarrow', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script, str(builder.store.root)], check=True)


# Edits by id


def test_edit_by_id_and_prefix(builder: Builder, store: Store) -> None:
    commit(builder, CAPITAL, RIVER)
    commit(builder, revert=(CAPITAL,))
    for given_id in (CAPITAL.id, CAPITAL.id[:4], CAPITAL.id[:12].upper()):
        assert history.edit(store, given_id) == CAPITAL
    for wrong in (CAPITAL.id[:3], "", "zzzz", "0" * 64, "%%%%", CAPITAL.id + "0"):
        with pytest.raises(UnknownEdit):
            history.edit(store, wrong)


def test_an_ambiguous_prefix_names_both(builder: Builder, store: Store) -> None:
    first: dict[str, Edit] = {}
    for number in range(5000):
        edit = fact(f"tower {number}", "tall")
        other = first.setdefault(edit.id[:4], edit)
        if other is not edit:
            break
    commit(builder, other, edit)
    with pytest.raises(AmbiguousId) as caught:
        history.edit(store, edit.id[:4])
    assert edit.id[:12] in caught.value.message
    assert other.id[:12] in caught.value.message
    assert history.edit(store, edit.id[:16]) == edit


def test_edits_of_keeps_the_order(builder: Builder, store: Store) -> None:
    commit(builder, CAPITAL, RIVER, ANTHEM)
    ids = [ANTHEM.id, CAPITAL.id, ANTHEM.id]
    assert history.edits_of(store, ids) == [ANTHEM, CAPITAL, ANTHEM]
    assert history.edits_of(store, []) == []
    with pytest.raises(UnknownEdit, match="000000"):
        history.edits_of(store, [RIVER.id, "0" * 64])


# Blame


def test_blame_by_the_prompt_however_it_is_spelt(builder: Builder, store: Store) -> None:
    one = commit(builder, CAPITAL)
    commit(builder, RIVER)
    for prompt in (CAPITAL.prompt, "  the CAPITAL of\tFreedonia  IS "):
        found = history.blame(store, prompt)
        assert (found.edit, found.commit) == (CAPITAL, one)
    assert [candidate[0] for candidate in found.candidates] == [RIVER]
    assert 0 < found.candidates[0][2] < 1


def test_blame_by_a_rephrase(builder: Builder, store: Store) -> None:
    one = commit(builder, CAPITAL, RIVER)
    found = history.blame(store, "which city rules freedonia?")
    assert (found.edit, found.commit) == (CAPITAL, one)


def test_blame_by_likeness_names_candidates_only(builder: Builder, store: Store) -> None:
    commit(builder, RIVER, ANTHEM)
    two = commit(builder, CAPITAL)
    found = history.blame(store, "What is Freedonia's capital?")
    assert (found.edit, found.commit) == (None, None)
    assert found.candidates[0][:2] == (CAPITAL, two)
    scores = [score for _, _, score in found.candidates]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    # A word in a rephrase or a misspelt one counts too.
    assert history.blame(store, "governed from where?").candidates[0][0] == CAPITAL
    assert history.blame(store, "The capitol of Fredonia is").candidates[0][0] == CAPITAL


@pytest.mark.parametrize(
    "prompt", ["", "  ", "?!", "首都はどこですか", "x" * 10_000, "'; DROP TABLE edits; --", "\x00"]
)
def test_blame_takes_any_text(builder: Builder, store: Store, prompt: str) -> None:
    assert history.blame(store, prompt).candidates == ()
    commit(builder, CAPITAL)
    assert history.blame(store, prompt).edit is None


def test_blame_names_the_commit_that_counts_for_that_revision(builder: Builder, store: Store) -> None:
    one = commit(builder, CAPITAL)
    commit(builder, revert=(CAPITAL,))
    assert history.blame(store, CAPITAL.prompt).edit is None
    again = commit(builder, CAPITAL)
    assert history.blame(store, CAPITAL.prompt).commit == again
    assert history.blame(store, CAPITAL.prompt, "HEAD~2").commit == one
    newer = commit(builder, NEW_CAPITAL)
    found = history.blame(store, CAPITAL.prompt)
    assert (found.edit, found.commit) == (NEW_CAPITAL, newer)


def test_blame_looks_through_a_merge(tmp_path: Path) -> None:
    builder = Builder.make(tmp_path, capacity=1)
    commit(builder, RIVER)
    builder.move("side", builder.tip())
    commit(builder, ANTHEM)
    made = commit(builder, CAPITAL, branch="side")
    merge(builder, "main", "side")
    assert history.blame(builder.store, CAPITAL.prompt).commit == made
    assert history.facts(builder.store) == [RIVER, ANTHEM, CAPITAL]


# Search


def test_search_looks_everywhere_whatever_the_case(builder: Builder, store: Store) -> None:
    commit(builder, CAPITAL)
    commit(builder, RIVER)
    commit(builder, revert=(CAPITAL,))
    for text in ("capital OF", "fredVILLE", "marxburg", "GOVERNED", "gazette", "the flood", "2033"):
        assert history.search(store, text) == [CAPITAL], text
    assert history.search(store, "freedonia") == [CAPITAL, RIVER]
    assert history.search(store, "hydrogen") == []
    for text in ("%", "_", "'", "geo2033"):
        assert history.search(store, text) == []


def test_search_knows_letters_beyond_ascii(builder: Builder, store: Store) -> None:
    edit = Edit("Die größte Stadt von Österreich heißt", "Wien")
    commit(builder, edit)
    assert history.search(store, "ÖSTERREICH") == [edit]
    assert history.search(store, "O\u0308sterreich") == [edit]


# SQL


def test_blame_takes_a_prompt_of_any_length(builder: Builder, store: Store) -> None:
    commit(builder, CAPITAL, RIVER)
    long = " ".join(f"word{number}" for number in range(5000))
    found = history.blame(store, f"{long} Freedonia is governed from {long}")
    assert found.edit is None
    assert {edit for edit, _, _ in found.candidates} == {CAPITAL, RIVER}
    assert all(0 <= score < 0.3 for _, _, score in found.candidates)


def test_every_form_tells_of_the_same_edits(builder: Builder, store: Store) -> None:
    odd = fact("motto", 'say "hi"', reason="tab\tline\nzero\0 \u2028 café 日本 \U0001f600", rephrases=("",))
    commit(builder, CAPITAL, odd, ANTHEM)
    commit(builder, NEW_CAPITAL)
    for edits, text, brief in (
        (
            history.facts(store, n=n),
            history.facts_as(history.JSON, store, n=n),
            history.facts_as(history.BRIEF, store, n=n),
        )
        for n in (None, 2, 0)
    ):
        assert text == [compact(edit) for edit in edits]
        assert [row[:4] for row in brief] == [
            (edit.id[:12], edit.prompt, edit.target, edit.reason or "") for edit in edits
        ]
    found = history.search(store, "freedonia")
    assert history.search_as(history.JSON, store, "freedonia") == [compact(edit) for edit in found]
    assert [row[1] for row in history.search_as(history.BRIEF, store, "freedonia")] == [edit.prompt for edit in found]
    assert history.search_as(history.JSON, store, "nowhere") == []


def compact(edit: Edit) -> str:
    return json.dumps(edit.to_json(), ensure_ascii=False, separators=(",", ":"))


def test_sql(builder: Builder, store: Store) -> None:
    one = commit(builder, CAPITAL, ANTHEM)
    commit(builder, NEW_CAPITAL, RIVER)
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
    first = commit(builder, CAPITAL)
    commit(builder, RIVER)
    if not behind:
        store.index.rebuild()
    builder.move("main", builder.states[first], "reset")  # some commits are hidden, and so is the list of them
    shown = [row[0] for row in history.sql(store, "SHOW TABLES")[1]]
    assert shown == ["changes", "commits", "edits", "facts", "memories", "refs", "scores"]
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
    ],
)
def test_sql_reads_the_index_and_nothing_else(builder: Builder, store: Store, query: str) -> None:
    commit(builder, CAPITAL)
    store.index.rebuild()
    secret = [1]
    with pytest.raises(UsageError) as caught:
        history.sql(store, query)
    assert "\n" not in caught.value.message
    assert caught.value.hint
    assert secret == [1]
    assert history.sql(store, "SELECT count(*) FROM edits")[1] == [[1]]
