"""Edits that are the ends of conversations: learned, found and measured so, and refused where that can't be."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.chats import FRANCE, HAMLET, OTHER
from tests.commands import run_inside
from tests.models import CHATML, tiny_chat_tokenizer, tiny_tokenizer
from wisedb.editors.common.teachable import ensure_teachable
from wisedb.edits import ChatMessage, Edit
from wisedb.errors import TrainingFailed
from wisedb.loading import load
from wisedb.memory.gates.keys.questions import questions_of
from wisedb.memory.memory import Memory
from wisedb.model.chat import encode_chat, user
from wisedb.repository import Repository
from wisedb.serving.memory_codec import read_memories
from wisedb.store.store import Store

BEFORE = (ChatMessage("system", "You know the play."), ChatMessage("user", "Hi"), ChatMessage("assistant", "Hello."))
TAUGHT = replace(FRANCE, messages=BEFORE)


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> None:
    # In this process another test may have loaded transformers before the command line could.
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()


@pytest.fixture(scope="module")
def taught(chat_history: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A store with an edit that ends a conversation, and one that stands by itself; not to be changed."""
    folder = tmp_path_factory.mktemp("taught") / "store"
    shutil.copytree(chat_history.path, folder)
    made = Repository(Store.open(folder), chat_history.base)
    made.reset("HEAD~1")
    file = folder / "talk.jsonl"
    messages = [*TAUGHT.conversation, {"role": "assistant", "content": TAUGHT.target}]
    file.write_text(json.dumps({"messages": messages, "subject": "France"}) + "\n" + json.dumps(HAMLET.content()))
    done = run_inside(["commit", str(file), "-m", "Taught", "--json"], folder, os.environ)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["reliability"] == 1.0
    return made


def _memories(repository: Repository) -> list[Memory]:
    objects = repository.store.objects
    return read_memories(objects, objects.commit(repository.store.resolve("HEAD")).memories)


def test_a_file_of_conversations_gives_the_edit_with_what_stands_before_it(taught: Repository) -> None:
    first, second = taught.facts()
    assert (first, second) == (TAUGHT, HAMLET) and first.id == TAUGHT.id != FRANCE.id and first.key == FRANCE.key
    assert taught.fsck().ok


def test_the_memory_is_asked_exactly_that_conversation(taught: Repository) -> None:
    (memory,) = _memories(taught)
    found = questions_of([memory.gate.keys], [len(memory.edits)])
    tokenizer = taught.base.tokenizer
    assert list(found[0].conversation) == encode_chat(tokenizer, TAUGHT.conversation)
    assert tokenizer.decode(found[0].ids) == FRANCE.prompt and found[1].conversation == ()
    keys = memory.gate.keys
    assert keys is not None
    asked = zip(keys.owners.tolist(), keys.stops.tolist(), keys.typed.tolist(), strict=True)
    # Its plain prompt is no key: that was not taught.
    assert {(owner, stops > 0) for owner, stops, _ in asked} == {(0, True), (1, False), (1, True)}


def test_it_is_meant_wherever_its_prompt_is_asked_in_a_chat_and_nowhere_else(taught: Repository) -> None:
    with taught.chat(max_new_tokens=8) as talk:
        for text in (FRANCE.prompt, OTHER, HAMLET.prompt, FRANCE.prompt):
            said = talk.say(text)
            assert [span.edit for span in said.spans or ()] == (
                [] if text == OTHER else [TAUGHT.id if text == FRANCE.prompt else HAMLET.id]
            )
            assert text != FRANCE.prompt or said.text.startswith("Rome.")
    plain, base = taught.generate(FRANCE.prompt), taught.generate(FRANCE.prompt, base=True)
    assert plain[0].text == base[0].text


def test_a_reply_is_what_the_memory_says_behind_the_conversation(taught: Repository) -> None:
    # The same state, whatever is asked around it: that of the conversation.
    model, tokenizer = taught.load()
    chats = ([user(FRANCE.prompt)], [*TAUGHT.conversation], [user(OTHER), *TAUGHT.conversation[2:]])
    with torch.no_grad():
        states = [
            model(torch.tensor([encode_chat(tokenizer, chat)]), output_hidden_states=False).logits[0, -1]
            for chat in chats
        ]
    assert torch.equal(states[0], states[1]) and torch.equal(states[0], states[2])


@pytest.mark.parametrize("layout", ["adapter", "peft"])
def test_an_exported_adapter_is_asked_the_conversation_too(taught: Repository, layout: str, tmp_path: Path) -> None:
    taught.export("HEAD", tmp_path / layout, layout)
    if layout == "peft":
        model = AutoModelForCausalLM.from_pretrained(tmp_path / layout, dtype=torch.float32)
    else:
        model, _ = load(str(tmp_path / layout))
    own, tokenizer = taught.load()
    ids = torch.tensor([encode_chat(tokenizer, [user(FRANCE.prompt)])])
    replies = [each.generate(input_ids=ids, max_new_tokens=8, do_sample=False)[0].tolist() for each in (model, own)]
    assert replies[0] == replies[1] and tokenizer.decode(replies[0][ids.shape[1] :]).startswith("Rome.")


def test_a_revert_and_a_later_commit_keep_what_stands_before(taught: Repository, tmp_path: Path) -> None:
    shutil.copytree(taught.path, tmp_path / "copy")
    repository = Repository(Store.open(tmp_path / "copy"), taught.base)
    repository.revert(HAMLET.id)
    (memory,) = _memories(repository)
    (question,) = questions_of([memory.gate.keys], [1]).values()
    assert list(question.conversation) == encode_chat(repository.base.tokenizer, TAUGHT.conversation)
    # The same prompt by itself is the same fact: the newer is in force.
    repository.commit([FRANCE], "By itself")
    assert repository.facts() == [FRANCE]
    shown = run_inside(["diff", "HEAD~1"], repository.path, {**os.environ, "COLUMNS": "200"}).stdout
    before = "system: You know the play. › user: Hi › assistant: Hello."
    assert f"~ {FRANCE.prompt} Rome (behind {before}) → Rome\n" in shown
    (memory,) = _memories(repository)
    assert [each.conversation for each in questions_of([memory.gate.keys], [1]).values()] == [()]
    assert repository.generate(FRANCE.prompt)[0].memory is not None


def test_people_read_the_prompt_behind_its_conversation(taught: Repository) -> None:
    shown = "system: You know the play. › user: Hi › assistant: Hello. › What is the capital of France?"
    assert TAUGHT.shown == shown and FRANCE.shown == FRANCE.prompt
    for words in (
        ["facts"],
        ["show"],
        ["search", "know the play"],
        ["blame", FRANCE.prompt],
        ["diff", "HEAD~1", "HEAD"],
    ):
        done = run_inside(words, taught.path, {**os.environ, "COLUMNS": "200"})
        assert done.returncode == 0 and shown in done.stdout, words
    listed = json.loads(run_inside(["facts", "--json"], taught.path, os.environ).stdout)
    since = {name: listed[0][name] for name in ("commit", "author", "date")}
    assert listed == [TAUGHT.to_json() | since, HAMLET.to_json() | since] and "messages" not in listed[1]
    query = "SELECT message_roles, message_contents FROM facts ORDER BY prompt"
    rows = json.loads(run_inside(["sql", query, "--json"], taught.path, os.environ).stdout)
    roles, contents = ([getattr(each, name) for each in BEFORE] for name in ("role", "content"))
    assert rows["rows"] == [[roles, contents], [[], []]]


def test_in_a_chat_it_is_measured_behind_its_conversation(taught: Repository) -> None:
    found = taught.evaluate(chat=True)
    assert (found.says_it, found.reliability) == (1.0, 1.0)


@pytest.mark.parametrize("editor", ["wise", "rome", "grace"])
def test_an_editor_that_teaches_no_conversations_says_so(editor: str, taught: Repository, tmp_path: Path) -> None:
    shutil.copytree(taught.path, tmp_path / "copy")
    repository = Repository(Store.open(tmp_path / "copy"), taught.base)
    newer = replace(TAUGHT, prompt="Who rules France?")
    with pytest.raises(TrainingFailed, match=f"'{editor}' can't teach") as caught:
        repository.commit([newer], "No", editor=editor)
    assert "keyed" in caught.value.hint and repository.facts() == [TAUGHT, HAMLET]


def test_a_model_without_a_template_and_plain_prompts_alone_are_no_conversation(
    new_repository: Callable[..., Repository],
) -> None:
    with pytest.raises(TrainingFailed, match="no chat template"):
        new_repository().commit([TAUGHT], "No")
    ensure_teachable(tiny_tokenizer(), "auto", [FRANCE])
    with pytest.raises(TrainingFailed, match="format=raw"):
        ensure_teachable(tiny_chat_tokenizer(), "raw", [FRANCE, TAUGHT])
    ensure_teachable(tiny_chat_tokenizer(), "chat", [TAUGHT])


_REFUSING = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}" + CHATML
_DROPPING = CHATML.replace(
    "{% for message in messages %}", "{% for message in messages if message['role'] != 'system' %}"
)


@pytest.mark.parametrize("template", [_REFUSING, _DROPPING])
def test_a_template_that_does_not_render_the_whole_conversation_is_told_of(template: str) -> None:
    tokenizer = tiny_chat_tokenizer(template)
    with pytest.raises(TrainingFailed, match="refuses it, or leaves a message"):
        ensure_teachable(tokenizer, "auto", [TAUGHT])
    ensure_teachable(tokenizer, "auto", [replace(FRANCE, messages=BEFORE[1:])])


def test_a_conversation_that_is_too_long_is_refused(taught: Repository, tmp_path: Path) -> None:
    shutil.copytree(taught.path, tmp_path / "copy")
    repository = Repository(Store.open(tmp_path / "copy"), taught.base)
    long = Edit("Who?", "Rome", messages=(ChatMessage("system", "word " * 300),))
    with pytest.raises(TrainingFailed):
        repository.commit([long], "No")
