"""The log of every ref: moves that took effect, newest first, and what is said where it is damaged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.store.conftest import Kit
from wisedb.errors import CorruptObject
from wisedb.store.store import Store

B, C = "b" * 64, "c" * 64


def test_moves_that_never_took_effect_are_left_out(store: Store, kit: Kit) -> None:
    tip, _ = store.head_commit()
    log = store.root / "logs/refs/heads/main.jsonl"
    store.refs.logs.append(replace(store.refs.logs.lines("refs/heads/main")[0], from_=tip, to=C))
    assert [move.to for move in store.refs.reflog("refs/heads/main")] == [tip]
    store.refs.update("refs/heads/main", tip, B, "commit")
    assert [move.to for move in store.refs.reflog("refs/heads/main")] == [B, tip]
    store.refs.update("refs/heads/main", B, tip, "reset")
    store.refs.update("refs/heads/main", tip, C, "commit")
    assert [move.to for move in store.refs.reflog("refs/heads/main")] == [C, tip, B, tip]
    assert store.refs.logs.commits() == {tip, B, C}
    with log.open("ab") as file:
        file.write(b'{"ref":"cut off')
    assert [move.to for move in store.refs.reflog("refs/heads/main")] == [C, tip, B, tip]


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"{}", b'{"ref":"HEAD","from":1,"to":null,"date":"","action":""}', b"\xff"]
)
def test_a_damaged_reflog(store: Store, line: bytes) -> None:
    with (store.root / "logs/HEAD.jsonl").open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(CorruptObject, match="reflog of HEAD is damaged in line 2") as caught:
        store.refs.reflog()
    assert caught.value.hint
    assert store.refs.reflog("refs/heads/main") and store.head_commit()
