"""The conversations in which an edit is learned."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tests.editors.keyed.fixtures import EDITS, context_of
from tests.models import tiny_chat_tokenizer, tiny_model
from wisedb.editors.keyed.context import TrainingContext
from wisedb.editors.keyed.conversations import conversations, pair
from wisedb.editors.keyed.dataset import EncodedDataset
from wisedb.editors.keyed.sampler import training_set
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.edits import Edit
from wisedb.model.chat import chat_format, encode_chat, user

QUESTION = "Who wrote Hamlet?"


def in_chat() -> TrainingContext:
    plain = context_of(tiny_model("llama"))
    return replace(plain, tokenizer=tiny_chat_tokenizer(), chat=chat_format(tiny_chat_tokenizer()))


def test_each_ends_with_the_question_and_the_plain_one_is_first() -> None:
    found = conversations(QUESTION, ["Hamlet is by whom?"], ["It rained."], Random(0))
    assert found[0] == (user(QUESTION),)
    assert found[-1] == (user("Hamlet is by whom?"),)
    assert all(chat[-1]["role"] == "user" and QUESTION in chat[-1]["content"] for chat in found[:-1])
    assert len(set(map(repr, found))) == len(found) > 3
    assert found == conversations(QUESTION, ["Hamlet is by whom?"], ["It rained."], Random(0))


def test_a_template_without_a_system_role_is_given_no_system_message() -> None:
    for seed in range(5):
        found = conversations(QUESTION, [], ["It rained."], Random(seed), system=False)
        assert all(message["role"] != "system" for chat in found for message in chat)


def test_all_own_rephrases_and_contexts_are_learned_where_that_is_asked_for() -> None:
    edit = replace(EDITS[0], rephrases=tuple(f"Rephrase {number}" for number in range(6)))
    settings = KeyedSettings(paraphrases=0, contexts=2, train_rephrases=True)
    data = training_set(in_chat(), settings, [edit], (), Random(0)).new
    texts = [in_chat().tokenizer.decode(each.ids) for each in data.sequences([(0, n) for n in range(data.prompts(0))])]
    for number in range(6):
        assert sum(f"Rephrase {number}" in text for text in texts) == 2
    assert all(any(text.startswith(prefix) for text in texts) for prefix in in_chat().pool.contexts[:2])


def test_two_questions_are_answered_one_after_the_other() -> None:
    one, other = Edit(QUESTION, "Goethe"), Edit("What is in St. Louis?", "the U.S. mint")
    asked, said = pair(one, other)
    assert asked == user("Who wrote Hamlet? And what is in St. Louis?")
    assert said["content"] == "Goethe. the U.S. mint."
    # A name keeps its capital.
    assert pair(one, Edit("WHO is based in", "Bern"))[0]["content"].endswith("And WHO is based in")


def test_the_answer_is_a_sentence_and_the_change_begins_where_the_reply_does() -> None:
    context = in_chat()
    asked, said = pair(EDITS[0], EDITS[1])
    data = EncodedDataset(context, [([(user(EDITS[0].prompt),), EDITS[0].prompt, (asked, said)], "Canberra")], end=True)
    in_a_chat, plain, both = data.sequences([(0, 0), (0, 1), (0, 2)])
    prompt = encode_chat(context.tokenizer, [user(EDITS[0].prompt)])
    assert in_a_chat.ids[: len(prompt)].tolist() == prompt and in_a_chat.start == len(prompt) - 1
    assert context.tokenizer.decode(in_a_chat.ids[len(prompt) :]) == "Canberra."
    assert context.tokenizer.decode(both.ids[both.prompt :]) == said["content"]
    assert not in_a_chat.features[: in_a_chat.start].any() and in_a_chat.features[in_a_chat.start].any()
    assert plain.start == 0 and plain.features[0].any()
    assert plain.ids[-1] == context.tokenizer.eos_token_id


def test_a_models_edits_are_learned_in_chats_only_where_it_has_a_template() -> None:
    settings = KeyedSettings(paraphrases=0)
    plain = training_set(context_of(tiny_model("llama")), settings, EDITS, (), Random(0))
    chat = training_set(in_chat(), settings, EDITS, (), Random(0))
    assert all(each.start == 0 for each in plain.new.sequences(plain.new.own))
    assert all(each.start == each.prompt - 1 for each in chat.new.sequences(chat.new.own))
    assert chat.new.prompts(0) > plain.new.prompts(0)
