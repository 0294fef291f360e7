"""What auditors ask by SQL is what the other commands say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.signing.keys import needs_ssh, ssh_key
from tests.store.freedonia import ANTHEM, CAPITAL, NEW_CAPITAL, RIVER
from tests.store.index.synthetic import Builder
from tests.stores import HAMLET, NEWER, SPAIN, copy_of
from wisedb.repository import Repository
from wisedb.signing.signer import Signer
from wisedb.signing.ssh import fingerprint
from wisedb.store import history as queries
from wisedb.store.store import Store


@pytest.fixture
def store(builder: Builder) -> Store:
    return builder.store


@pytest.fixture
def merged(history: Repository, tmp_path: Path) -> Repository:
    made = copy_of(history, tmp_path / "copy")
    made.branch("other")
    made.commit([SPAIN], "here", author="Ada")
    made.switch("other")
    made.commit([NEWER], "there", author="Ben")
    made.revert([HAMLET.id], "wrong", author="Cy")
    made.switch("main")
    made.merge("other", author="Ada")
    return made


def test_facts_in_force_says_what_facts_says(merged: Repository) -> None:
    told = [json.loads(text) for text in queries.facts_as(queries.JSON_SINCE, merged.store)]
    query = "SELECT id, commit, author, prompt, target, reason FROM facts_in_force ORDER BY id"
    assert queries.sql(merged.store, query)[1] == [
        [fact[name] for name in ("id", "commit", "author", "prompt", "target", "reason")]
        for fact in sorted(told, key=lambda fact: str(fact["id"]))
    ]
    assert len(told) == 3 and {fact["author"] for fact in told} == {"Ada", "Ben"}


def test_facts_history_tells_every_turn_once_beside_merges(merged: Repository) -> None:
    query = """SELECT author, action, target FROM facts_history WHERE NOT merge AND edit IN
        (SELECT id FROM edits WHERE prompt LIKE 'The capital of Au%' OR prompt LIKE 'Who wrote%')
        ORDER BY date, action"""
    assert queries.sql(merged.store, query)[1] == [
        ["Ada", "added", "Paris"],
        ["Ben", "added", "France"],
        ["Ben", "added", "France"],
        ["Ben", "reverted", "Paris"],
        ["Cy", "reverted", "France"],
    ]
    assert queries.sql(merged.store, "SELECT count(*) > 0 FROM facts_history WHERE merge")[1] == [[True]]


def test_reflog_is_that_of_every_ref(builder: Builder, store: Store) -> None:
    builder.commit(CAPITAL)
    builder.commit(RIVER)
    rows = queries.sql(store, "SELECT position, before, after, \"action\" FROM reflog WHERE ref = 'HEAD' ORDER BY 1")[1]
    moves = store.refs.reflog("HEAD")
    assert rows == [[place, move.from_, move.to, move.action] for place, move in enumerate(moves)]
    assert ["refs/heads/main"] in queries.sql(store, "SELECT DISTINCT ref FROM reflog")[1]


@needs_ssh
def test_signatures_name_format_and_key(history: Repository, tmp_path: Path) -> None:
    made = copy_of(history, tmp_path / "copy")
    key = ssh_key(tmp_path)
    sign = Signer("ssh", str(key), "ssh-keygen")
    commit = made.rollback("HEAD~1", author="Ada", sign=sign).head
    made.tag("v1", note=("Ben", "why"), sign=sign)
    signature = made.store.objects.commit(str(commit)).signature
    assert signature is not None
    rows = made.sql("SELECT object, kind, commit, format, key, who FROM signatures ORDER BY kind").rows
    assert rows == (
        (commit, "commit", commit, "ssh", fingerprint(signature), "Ada"),
        ("refs/tags/v1", "tag", commit, "ssh", fingerprint(signature), "Ben"),
    )
    assert made.sql("SELECT typeof(date) FROM signatures").rows[0] == ("TIMESTAMP",)


def test_what_is_not_named_is_not_read(builder: Builder, store: Store) -> None:
    builder.commit(CAPITAL, ANTHEM)
    builder.commit(NEW_CAPITAL)
    log = store.root / "logs" / "HEAD.jsonl"
    log.write_text("damaged\n")
    assert queries.sql(store, "SELECT count(*) FROM facts")[1] == [[2]]
