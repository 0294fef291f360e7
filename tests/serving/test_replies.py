"""Replies to many questions are those that each would have by itself."""

from __future__ import annotations

import pytest

from tests.stores import AUSTRALIA, HAMLET
from wisedb.errors import UsageError
from wisedb.repository import Repository
from wisedb.serving.evaluate import exact_matches
from wisedb.serving.generate import continue_prompts
from wisedb.serving.replies import REPLY_TOKENS, answers, replies, reply_limit


def test_texts_and_conversations_each_to_its_limit(history: Repository) -> None:
    base = history.base
    with pytest.raises(UsageError, match="no chat template"):
        replies(base, [HAMLET.prompt], [3], chat=True)
    short, long, other = replies(base, [HAMLET.prompt, HAMLET.prompt, AUSTRALIA.prompt], [2, 5, 5])
    assert long.text.startswith(short.text) and len(long.text) > len(short.text)
    (alone,) = continue_prompts(base.model, base.tokenizer, [AUSTRALIA.prompt], max_new_tokens=5, one_line=False)
    assert other.text == alone.text


def test_an_answer_has_room_for_what_is_expected_alone(history: Repository) -> None:
    base, line = history.base, [(HAMLET.prompt, "x"), (HAMLET.prompt, "x\ny" * 5)]
    short, long = answers(base, line)
    (whole,) = continue_prompts(base.model, base.tokenizer, [HAMLET.prompt], max_new_tokens=40, one_line=False)
    assert whole.text.startswith(long.text) and len(long.text) > len(short.text)


def test_an_answer_that_strays_is_cut_off_where_nothing_else_is_wanted(history: Repository) -> None:
    base = history.base
    (whole,) = answers(base, [(HAMLET.prompt, "x")])
    kept, strayed = answers(base, [(HAMLET.prompt, whole.text), (HAMLET.prompt, "x")], others=False)
    assert kept.text.startswith(whole.text)
    assert whole.text.startswith(strayed.text) and len(strayed.text) < len(whole.text)
    assert exact_matches(base, [(HAMLET.prompt, "x")], None) == [False]


@pytest.mark.parametrize(("target", "limit"), [(1, 1), (REPLY_TOKENS - 8, 1), (REPLY_TOKENS - 7, 2)])
def test_a_long_target_has_room(target: int, limit: int) -> None:
    assert reply_limit(target) == limit * REPLY_TOKENS
