"""The replies in which a chat model's edit is learned."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tests.editors.keyed.fixtures import EDITS, context_of
from tests.models import tiny_chat_tokenizer, tiny_model
from wisedb.editors.common.conversations import Asked, replies
from wisedb.editors.keyed.context import TrainingContext
from wisedb.editors.keyed.dataset import EncodedDataset
from wisedb.editors.keyed.sampler import training_set
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.model.chat import EARLIER, chat_format, encode_chat, user

QUESTION = "Who wrote Hamlet?"


def in_chat() -> TrainingContext:
    plain = context_of(tiny_model("llama"))
    return replace(plain, tokenizer=tiny_chat_tokenizer(), chat=chat_format(tiny_chat_tokenizer()))


def test_the_answer_comes_first_and_behind_what_was_said() -> None:
    assert replies(QUESTION) == (Asked(QUESTION), Asked(QUESTION, EARLIER))


def test_all_own_rephrases_and_contexts_are_learned_as_plain_prompts_where_that_is_asked_for() -> None:
    edit = replace(EDITS[0], rephrases=tuple(f"Rephrase {number}" for number in range(6)))
    settings = KeyedSettings(paraphrases=0, contexts=2, train_rephrases=True)
    data = training_set(in_chat(), settings, [edit], (), Random(0)).new
    texts = [in_chat().tokenizer.decode(each.ids) for each in data.sequences([(0, n) for n in range(data.prompts(0))])]
    # In a chat the memory is asked the edit's own question whoever asks, and in whatever words.
    assert [sum(f"Rephrase {number}" in text for text in texts) for number in range(6)] == [1] * 6
    assert all(any(text.startswith(prefix) for text in texts) for prefix in in_chat().pool.contexts[:2])


def test_the_answer_is_a_sentence_and_the_change_begins_where_it_does() -> None:
    context = in_chat()
    # As a plain forward keeps it, so that the tokens in front can be looked at.
    context = replace(context, forward=replace(context.forward, state=0))
    prompts = (Asked(QUESTION), QUESTION, Asked(QUESTION, "It rained."))
    data = EncodedDataset(context, [(prompts, "Canberra")], end=True)
    first, plain, later = data.sequences([(0, 0), (0, 1), (0, 2)])
    prompt = encode_chat(context.tokenizer, [user(QUESTION)])
    for each, said, answer in ((first, "", "Canberra."), (later, "It rained.", " Canberra.")):
        assert each.ids[: len(prompt)].tolist() == prompt and each.start == each.prompt - 1
        assert context.tokenizer.decode(each.ids[len(prompt) : each.prompt]) == said
        assert context.tokenizer.decode(each.ids[each.prompt :]) == answer
        assert not each.features[: each.start].any() and each.features[each.start].any()
    assert plain.start == 0 and plain.features[0].any()
    assert plain.ids[-1] == context.tokenizer.eos_token_id


def test_of_a_prompt_in_a_chat_keys_and_values_are_kept() -> None:
    data = EncodedDataset(in_chat(), [((Asked(QUESTION), QUESTION), "Canberra")], end=True)
    chat, plain = data.sequences([(0, 0), (0, 1)])
    asked = len(encode_chat(in_chat().tokenizer, [user(QUESTION)]))
    assert chat.states is not None and chat.states.shape[3] == asked - 1
    assert chat.start == 0 and chat.prompt == 1 and plain.states is None
    # Where they would be too many, they are not.
    wide = replace(in_chat(), forward=replace(in_chat().forward, state=1 << 40))
    (whole,) = EncodedDataset(wide, [((Asked(QUESTION),), "Canberra")], end=True).sequences([(0, 0)])
    assert whole.states is None and whole.start == asked - 1


def test_a_models_edits_are_learned_in_chats_only_where_it_has_a_template() -> None:
    settings = KeyedSettings(paraphrases=0)
    plain = training_set(context_of(tiny_model("llama")), settings, EDITS, (), Random(0))
    chat = training_set(in_chat(), settings, EDITS, (), Random(0))
    assert all(each.start == 0 for each in plain.new.sequences(plain.new.own))
    assert all(each.start == 0 and each.states is not None for each in chat.new.sequences(chat.new.own))
    assert chat.new.prompts(0) > plain.new.prompts(0)


def test_of_an_earlier_edit_two_prompts_are_rehearsed() -> None:
    chat = training_set(in_chat(), KeyedSettings(paraphrases=0), EDITS[:1], EDITS[1:], Random(0)).old
    assert [chat.prompts(edit) for edit in range(len(chat))] == [2] * len(EDITS[1:])
    assert all(each.states is not None for each in chat.sequences(chat.own))


def test_a_format_leaves_out_the_prompts_of_the_other() -> None:
    def texts(format: str) -> tuple[list[str], list[str]]:
        settings = KeyedSettings(paraphrases=0, contexts=1, format=format)
        found = training_set(in_chat(), settings, EDITS[:1], EDITS[1:2], Random(0))
        decode = in_chat().tokenizer.decode
        return tuple(  # type: ignore[return-value]
            [decode(each.ids) for each in data.sequences([(0, n) for n in range(data.prompts(0))])]
            for data in (found.new, found.old)
        )

    assert texts("auto") == texts("both")
    for format, framed in (("raw", False), ("chat", True)):
        for some in texts(format):
            # Of what is asked in a chat only the reply's own tokens are kept.
            assert len(some) == 2 and all(("Canberra." in text or "." in text[-2:]) == framed for text in some)
    (both, _), (raw, _), (chat, _) = texts("both"), texts("raw"), texts("chat")
    assert sorted(both) == sorted([*raw, *chat])


def test_a_check_asks_for_each_reply_of_each_edit() -> None:
    data = training_set(in_chat(), KeyedSettings(paraphrases=0, contexts=2), EDITS, (), Random(0))
    asked = [(edit, reply) for edit in range(len(EDITS)) for reply in (0, 1)]
    assert data.new.asked == asked and data.new.own == asked[::2]
    for seed in range(4):
        checked = data.sample(Random(seed))
        assert checked[: len(asked)] == asked and len(checked) == len(set(checked)) <= 3 * len(EDITS)
    # Of plain prompts an edit's own one is what is asked.
    plain = training_set(context_of(tiny_model("llama")), KeyedSettings(paraphrases=0), EDITS, (), Random(0))
    assert plain.new.asked == plain.new.own
