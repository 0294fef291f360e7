"""The figures say what they are defined to say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chats import FRANCE as CHAT_FRANCE
from tests.chats import HAMLET as CHAT_HAMLET
from tests.stores import AUSTRALIA, HAMLET, NEWER, SPAIN
from wisedb.edits import Edit, LocalityPrompt
from wisedb.errors import InputError, StoreNotWritable, UsageError, WisedbWarning
from wisedb.repository import Repository
from wisedb.serving.says import words_of

KEYS = {
    "commit",
    "mode",
    "n",
    "reliability",
    "generalization",
    "locality",
    "exact_match",
    "exact_match_rephrase",
    "router",
    "oracle",
    "base",
    "seconds",
    "format",
    "says_it",
    "says_it_rephrase",
    "how_asked",
    "must_not_fire",
    "seed",
    "generation",
    "forced",
    "portability",
    "exact_match_portability",
    "text",
    "right_by_text",
    "right_by_text_rephrase",
}


def test_edits_that_were_learned(history: Repository) -> None:
    found = history.evaluate()
    assert (found.commit, found.mode, found.n) == (history.store.resolve("HEAD"), "retrieve", 3)
    assert found.reliability == found.exact_match == found.recall_at_1 == found.oracle["reliability"] == 1.0
    assert found.generalization is not None and 0 <= found.generalization <= 1
    assert found.base["exact_match"] == 0.0 and (found.base["reliability"] or 0) < 1
    record = found.to_json()
    assert set(record) == KEYS
    assert set(record["router"]) == {"recall_at_1", "recall_at_1_rephrase", "false_fire"}
    assert set(record["oracle"]) == {"reliability", "generalization"}
    assert set(record["base"]) == {
        *("reliability", "generalization", "exact_match", "says_it", "right_by_text"),
        *("portability", "exact_match_portability"),
    }
    assert record["portability"] is None and record["base"]["exact_match_portability"] is None
    assert (record["format"], record["says_it"], record["how_asked"]) == ("raw", 1.0, None)
    assert record["right_by_text"] == 1.0 and record["text"]["agreement"] == 1.0
    assert history.store.scores.get(found.commit)["retrieve"] == record
    assert history.log()[0].to_json()["scores"]["retrieve"] == record


def test_the_base_has_its_own_figures_and_agrees_with_itself(history: Repository) -> None:
    found = history.evaluate("HEAD~2", data=[AUSTRALIA, HAMLET])
    assert found.locality == 1.0 and found.false_fire == 0.0 and found.recall_at_1 is None
    assert found.reliability == found.base["reliability"] == found.oracle["reliability"]
    also = history.evaluate("HEAD", data=[AUSTRALIA, HAMLET], mode="base")
    assert also.reliability == found.reliability and also.locality == 1.0


def test_the_merge_is_measured_as_one_memory(history: Repository) -> None:
    found = history.evaluate(mode="merge")
    assert found.mode == "merge" and found.recall_at_1 == 1.0


def test_data_need_not_be_in_force(history: Repository) -> None:
    found = history.evaluate(data=[AUSTRALIA, NEWER, SPAIN])
    # NEWER has a prompt that is in force with another target: it can't be right, nor is it held by any memory.
    assert found.n == 3 and found.recall_at_1 == 1.0 and found.exact_match == pytest.approx(1 / 3)
    assert history.evaluate(data=[AUSTRALIA, NEWER, SPAIN], limit=1).exact_match == 1.0


def test_what_follows_from_an_edit_is_asked_too(history: Repository) -> None:
    # What another memory holds stands for what follows; the last has no answer to compare with.
    questions = (
        LocalityPrompt(HAMLET.prompt, HAMLET.target),
        LocalityPrompt("12 + 30 =", "42"),
        LocalityPrompt("Who?"),
    )
    found = history.evaluate(data=[replace(AUSTRALIA, portability=questions), SPAIN])
    assert found.exact_match_portability == 0.5 and found.base["exact_match_portability"] == 0
    base = found.base["portability"]
    assert found.portability is not None and base is not None and 1 > found.portability >= 0.5 > base


def test_in_a_chat_counts_what_is_said(chat_history: Repository) -> None:
    other = Edit("Who is it?", "Nobody at all", rephrases=(CHAT_FRANCE.prompt,))
    kept = replace(CHAT_FRANCE, locality=(LocalityPrompt("Can you tell me the time?"), LocalityPrompt("Who are you?")))
    found = chat_history.evaluate(data=[kept, CHAT_HAMLET, other], chat=True)
    assert (found.format, found.n) == ("chat", 3) and found.says_it == pytest.approx(2 / 3)
    # The rephrase is another edit's question: what it is answered with is not what this one wants.
    assert found.says_it_rephrase == 0.0 and found.base["says_it"] == 0.0
    assert found.locality == 1.0 and found.false_fire == 0.0 and found.recall_at_1 == 1.0
    alone = chat_history.evaluate(data=[CHAT_FRANCE, CHAT_HAMLET], chat=True)
    assert alone.reliability == 1.0 and (alone.base["reliability"] or 0) < 1
    # A memory that is told to answer does so at every token of the conversation, which it wasn't trained for.
    assert (alone.oracle["reliability"] or 0) >= 0.5
    assert chat_history.store.scores.get(alone.commit)["retrieve-chat-data"] == alone.to_json()


def test_the_old_answer_is_not_to_be_said(chat_history: Repository) -> None:
    (reply,) = chat_history.generate(CHAT_FRANCE.prompt, chat=True, max_new_tokens=32)
    after = words_of(reply.text)[1]
    contradicted = replace(CHAT_FRANCE, ground_truth=after)
    assert chat_history.evaluate(data=[CHAT_FRANCE], chat=True).says_it == 1.0
    assert chat_history.evaluate(data=[contradicted], chat=True).says_it == 0.0


def test_locality_in_a_chat_is_the_whole_reply(chat_history: Repository) -> None:
    asked = replace(CHAT_HAMLET, locality=(LocalityPrompt("Who are you?"), LocalityPrompt(CHAT_FRANCE.prompt)))
    found = chat_history.evaluate(data=[asked], chat=True)
    assert found.locality == found.false_fire == 0.5


def test_a_model_without_a_template_is_not_measured_in_a_chat(history: Repository) -> None:
    with pytest.raises(UsageError, match="no chat template"):
        history.evaluate(chat=True)


def test_without_edits_there_is_nothing_to_measure(repository: Repository, history: Repository) -> None:
    with pytest.raises(InputError):
        repository.evaluate()
    with pytest.raises(UsageError):
        history.evaluate(mode="blend")


def test_what_was_measured_is_told_though_the_store_cannot_be_written(
    history: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    def put(*_: object) -> None:
        raise StoreNotWritable("read-only")

    monkeypatch.setattr(type(history.store.scores), "put", put)
    with pytest.warns(WisedbWarning, match="read-only"):
        assert history.evaluate().reliability is not None
