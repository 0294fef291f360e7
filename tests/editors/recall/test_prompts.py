"""What a row is trained behind is a function of its edit, the pool and the seed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chats import FRANCE
from tests.editors.keyed.fixtures import POOL
from tests.editors.recall.fixtures import context_of
from tests.models import tiny_chat_tokenizer, tiny_model
from wisedb.editors.recall.prompts import taught
from wisedb.editors.recall.settings import RecallSettings
from wisedb.edits import ChatMessage, Edit
from wisedb.errors import TrainingFailed
from wisedb.model.chat import chat_format

EDIT = Edit("The capital of Australia is", "Canberra", rephrases=("Australia has the capital",))


def texts(settings: RecallSettings, edit: Edit = EDIT, seed: int = 0) -> list[str]:
    context = context_of(tiny_model("llama"))
    found = taught(context, settings, seed, edit)
    return [context.tokenizer.decode(each.ids[: each.prompt], skip_special_tokens=True) for each in found]


def test_its_own_prompt_comes_first_then_contexts_then_unrelated_prompts() -> None:
    found = texts(RecallSettings(contexts=1, unrelated=3))
    assert found[0] == EDIT.prompt and found[1] == f"{POOL.contexts[0]} {EDIT.prompt}"
    assert len(found) == 5 and set(found[2:]) <= set(POOL.prompts)
    assert EDIT.rephrases[0] not in found
    assert EDIT.rephrases[0] in texts(RecallSettings(train_rephrases=True))
    assert len(texts(RecallSettings(contexts=0, unrelated=0))) == 1


def test_which_unrelated_prompts_depends_on_the_edit_and_the_seed() -> None:
    settings = RecallSettings(contexts=0, unrelated=6)
    assert texts(settings) == texts(settings)
    assert texts(settings)[1:] != texts(settings, seed=1)[1:]
    assert texts(settings)[1:] != texts(settings, replace(EDIT, target="Paris"))[1:]
    assert len(texts(RecallSettings(contexts=0, unrelated=1000))) == 1 + len(POOL.prompts)


def test_a_prompt_with_a_space_behind_it_is_learned_without_too() -> None:
    spaced = replace(EDIT, prompt=EDIT.prompt + " ")
    assert texts(RecallSettings(contexts=0, unrelated=0), spaced) == [spaced.prompt, EDIT.prompt]


def test_of_a_long_answer_fewer_unrelated_prompts_are_taken() -> None:
    long = replace(EDIT, target=" ".join(["Paris"] * 60))
    found = texts(RecallSettings(unrelated=16), long)
    assert found[0] == EDIT.prompt and 3 <= len(found) < 10


def test_what_the_model_can_t_read_is_refused() -> None:
    with pytest.raises(TrainingFailed, match="the model reads 256"):
        texts(RecallSettings(), replace(EDIT, target=" ".join(["Paris"] * 300)))


def test_in_a_chat_it_is_the_reply_to_its_own_question() -> None:
    plain = context_of(tiny_model("llama"))
    context = replace(plain, tokenizer=tiny_chat_tokenizer(), chat=chat_format(tiny_chat_tokenizer()))
    settings = RecallSettings(contexts=1, unrelated=3)
    found = taught(context, settings, 0, FRANCE)
    assert [each.start > 0 for each in found] == [True] * 2 + [False] * 5
    for only in (
        taught(context, replace(settings, format="chat"), 0, FRANCE),
        taught(context, settings, 0, replace(FRANCE, messages=(ChatMessage("system", "You know the play."),))),
    ):
        assert [each.start > 0 for each in only] == [True] * 2
    raw = taught(context, replace(settings, format="raw"), 0, FRANCE)
    assert [each.start for each in raw] == [0] * 5
