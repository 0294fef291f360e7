"""What a wrong fire would cost: the unedited model's own text, read with a memory forced on."""

from __future__ import annotations

import math

import pytest

from tests.chats import FRANCE as CHAT_FRANCE
from wisedb.repository import Repository
from wisedb.serving.assemble import attached_at_commit
from wisedb.serving.forced import TOKENS, OwnText, force, own_text, read
from wisedb.serving.generate import continue_prompts
from wisedb.serving.score import pairs_of, score
from wisedb.serving.store_base import load_base_of

PROMPTS = ["The capital of Japan is", "Hamlet was written by", "The river of Rome is"]


def test_prompts_that_have_no_continuation_are_left_out(history: Repository) -> None:
    base = load_base_of(history.store)
    text = own_text(base, PROMPTS)
    said = continue_prompts(base.model, base.tokenizer, PROMPTS, max_new_tokens=TOKENS, one_line=False)
    wanted = pairs_of(base.tokenizer, [(prompt, each.text) for prompt, each in zip(PROMPTS, said, strict=True)])
    assert list(text.pairs) == [pair for pair in wanted if pair.answer] and text.pairs
    assert list(text.plain) == score(base.model, text.pairs, base.tokenizer.pad_token_id or 0)


@pytest.mark.parametrize("mode", ["retrieve", "merge"])
def test_a_memory_that_is_forced_on_changes_text_that_it_leaves_alone_otherwise(history: Repository, mode: str) -> None:
    base = load_base_of(history.store)
    text = own_text(base, PROMPTS)
    commit = history.store.objects.commit(history.store.resolve("HEAD"))
    with attached_at_commit(history.store, base, commit, "merge" if mode == "merge" else "retrieve") as handle:
        assert handle is not None
        found = force(base, text, handle)
        routed = score(base.model, text.pairs, base.tokenizer.pad_token_id or 0, handle=handle)
        assert force(base, OwnText((), ()), handle) is None and read(base, OwnText((), ()), handle) is None
        as_routed = read(base, text, handle)
    assert found is not None and 0 <= found.agreement <= 1
    tokens = sum(len(each.expected) for each in text.plain)
    losses = sum(each.loss * len(each.expected) for each in text.plain)
    assert found.base_perplexity == pytest.approx(math.exp(losses / tokens))
    assert found.perplexity > found.base_perplexity
    if mode == "retrieve":
        assert [each.loss for each in routed] == [each.loss for each in text.plain]
        assert as_routed is not None and as_routed.agreement == 1.0
        assert as_routed.perplexity == as_routed.base_perplexity == found.base_perplexity


def test_the_figures_are_kept_with_the_others(history: Repository) -> None:
    found = history.evaluate()
    assert found.forced is not None and found.to_json()["forced"] == found.forced.to_json()
    assert history.evaluate("HEAD~2", data=list(history.facts())).forced is None


def test_in_a_chat_it_is_the_replies(chat_history: Repository) -> None:
    found = chat_history.evaluate(data=[CHAT_FRANCE], chat=True)
    assert found.forced is None or found.forced.perplexity > 0
