"""What a model is asked when a commit is measured."""

from __future__ import annotations

from dataclasses import replace

from tests.stores import AUSTRALIA, SUM
from wisedb.edits import LocalityPrompt, normalise_prompt
from wisedb.model.chat import encode_chat, user
from wisedb.repository import Repository
from wisedb.serving.questions import ask
from wisedb.serving.score import Pair


def test_locality_prompts_come_from_the_edits_or_from_the_held_out_pool(history: Repository) -> None:
    pool = history.store.objects.get(history.store.config.editor.pool or "").meta
    own = ask(history.store, history.base, (AUSTRALIA, SUM), trained_on_locality=False)
    assert len(own.unrelated) == 1 and len(own.rephrased) == len(own.owners) == 1
    trained = ask(history.store, history.base, (AUSTRALIA, SUM), trained_on_locality=True)
    without = ask(history.store, history.base, (SUM,), trained_on_locality=False)
    assert trained.unrelated == without.unrelated
    assert 0 < len(without.unrelated) <= len(pool["held_out"])
    assert not set(pool["held_out"]) & set(pool["prompts"])


def test_wordings_that_were_trained_on_are_not_asked(history: Repository) -> None:
    told = {normalise_prompt(AUSTRALIA.rephrases[0])}
    found = ask(history.store, history.base, (SUM, AUSTRALIA), trained_on_locality=False, trained_on=told)
    assert found.rephrases == ((), ()) and found.rephrased == () and found.owners == ()
    whole = ask(history.store, history.base, (SUM, AUSTRALIA), trained_on_locality=False)
    assert whole.rephrases == ((), AUSTRALIA.rephrases) and whole.owners == (1,)
    assert len(whole.direct) == 2 and whole.edits == (SUM, AUSTRALIA)


def test_an_edited_prompt_is_no_unrelated_one(history: Repository) -> None:
    edit = replace(AUSTRALIA, locality=(LocalityPrompt(SUM.prompt.upper(), "42"), *AUSTRALIA.locality))
    found = ask(history.store, history.base, (edit, SUM), trained_on_locality=False)
    assert found.unrelated == ask(history.store, history.base, (AUSTRALIA,), trained_on_locality=False).unrelated


def test_in_a_chat_a_question_is_a_users_message(chat_history: Repository) -> None:
    base = chat_history.base
    edit = replace(AUSTRALIA, locality=(*AUSTRALIA.locality, LocalityPrompt("Who?", "Nobody")))
    found = ask(chat_history.store, base, (edit,), trained_on_locality=False, chat=True)
    asked = [user(edit.prompt)]
    assert found.direct == (Pair(tuple(encode_chat(base.tokenizer, asked)), found.direct[0].answer),)
    assert base.tokenizer.decode(found.direct[0].answer) == edit.target
    assert base.tokenizer.decode(found.rephrased[0].prompt).count(edit.rephrases[0]) == 1
    assert (found.locality, found.unrelated) == (("The play of France is", "Who?"), ())
