"""An edited chat model in the tools of transformers: messages, streams, a reply's beginning that is given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer, TextIteratorStreamer, pipeline

import wisedb
from tests.chats import FRANCE, HAMLET, OTHER
from tests.compat.conftest import Models
from tests.models import CHATML
from wisedb.model.chat import Message, user
from wisedb.repository import Repository

GREEDY = {"max_new_tokens": 10, "do_sample": False}
LATER: list[Message] = [user(FRANCE.prompt), {"role": "assistant", "content": "Rome."}, user(OTHER)]
BEHIND: list[Message] = [user(OTHER), {"role": "assistant", "content": "No."}, user(HAMLET.prompt)]
CHATS: list[list[Message]] = [[user(FRANCE.prompt)], [user(HAMLET.prompt)], [user(OTHER)], LATER, BEHIND]
MEANT = (True, True, False, False, True)
"""Whether a memory answers."""


@pytest.fixture(scope="module")
def talkers(chat_history: Repository) -> Models:
    """Not to be changed, or to be left as they were."""
    edited, tokenizer = chat_history.load()
    base, _ = chat_history.load(mode="base")
    return Models(edited, base, tokenizer)


def ids_of(tokenizer: Any, chats: Sequence[Sequence[Message]], **options: Any) -> Any:
    """The conversations as one batch, up to where the replies begin."""
    return tokenizer.apply_chat_template(
        list(chats), return_tensors="pt", return_dict=True, padding=True, **{"add_generation_prompt": True, **options}
    )


def reply(model: Any, tokenizer: Any, chat: Sequence[Message], **options: Any) -> str:
    """What the model says next."""
    batch = ids_of(tokenizer, [chat], **options)
    said = model.generate(**batch, **GREEDY)[0, batch["input_ids"].shape[1] :]
    return str(tokenizer.decode(said, skip_special_tokens=True))


@pytest.fixture(scope="module")
def expected(talkers: Models) -> list[str]:
    """The replies, one by one."""
    found = [reply(talkers.edited, talkers.tokenizer, chat) for chat in CHATS]
    plain = [reply(talkers.base, talkers.tokenizer, chat) for chat in CHATS]
    assert [text != before for text, before in zip(found, plain, strict=True)] == list(MEANT)
    assert found[0].startswith("Rome.") and found[1].startswith("Goethe.")
    return found


def test_the_template_comes_with_the_tokenizer(chat_history: Repository, talkers: Models, tmp_path: Path) -> None:
    assert talkers.tokenizer.chat_template == CHATML
    assert wisedb.load(chat_history.path)[1].chat_template == CHATML
    for layout in ("merged", "adapter", "peft"):
        # What it costs the model's own replies is another matter.
        chat_history.export("HEAD", tmp_path / layout, layout, force=layout == "merged")
    assert AutoTokenizer.from_pretrained(tmp_path / "merged").chat_template == CHATML
    assert all(wisedb.load(tmp_path / layout)[1].chat_template == CHATML for layout in ("adapter", "peft"))


@pytest.mark.parametrize("batch_size", [1, 5])
def test_pipeline_of_messages(talkers: Models, expected: list[str], batch_size: int) -> None:
    talk = pipeline("text-generation", model=talkers.edited, tokenizer=talkers.tokenizer, batch_size=batch_size)
    answers = talk([[dict(message) for message in chat] for chat in CHATS], **GREEDY)
    said = [answer[0]["generated_text"] for answer in answers]
    assert [chat[-1] for chat in said] == [{"role": "assistant", "content": text} for text in expected]
    assert [chat[:-1] for chat in said] == CHATS


@pytest.mark.parametrize("number", range(len(CHATS)))
def test_streaming(talkers: Models, expected: list[str], number: int) -> None:
    streamer = TextIteratorStreamer(talkers.tokenizer, skip_prompt=True, skip_special_tokens=True, timeout=60)
    batch = ids_of(talkers.tokenizer, [CHATS[number]])
    thread = Thread(target=talkers.edited.generate, kwargs={**batch, **GREEDY, "streamer": streamer})
    thread.start()
    pieces = list(streamer)
    thread.join()
    assert "".join(pieces) == expected[number]


@pytest.mark.parametrize("begun", ["R", "Rom", "Rome.", "Rome. The"])
def test_a_reply_whose_beginning_is_given_goes_on_as_it_would_have(talkers: Models, begun: str) -> None:
    said: Message = {"role": "assistant", "content": begun}
    options = {"add_generation_prompt": False, "continue_final_message": True}
    found = reply(talkers.edited, talkers.tokenizer, [user(FRANCE.prompt), said], **options)
    if not begun.startswith("Rome."):
        assert (begun + found).startswith("Rome.")
    # Said by the model itself, token by token, without generate.
    ids = ids_of(talkers.tokenizer, [[user(FRANCE.prompt), said]], **options)["input_ids"]
    for _ in range(GREEDY["max_new_tokens"]):
        with torch.no_grad():
            following = talkers.edited(ids, use_cache=False).logits[:, -1:].argmax(-1)
        ids = torch.cat([ids, following], dim=1)
    assert talkers.tokenizer.decode(ids[0], skip_special_tokens=True).endswith(begun + found)
    # The subject in another's mouth changes nothing.
    other = [user(OTHER), {"role": "assistant", "content": FRANCE.prompt}]
    plain = reply(talkers.base, talkers.tokenizer, other, **options)
    assert reply(talkers.edited, talkers.tokenizer, other, **options) == plain


def test_a_batch_says_what_its_rows_say_alone(talkers: Models, expected: list[str]) -> None:
    batch = ids_of(talkers.tokenizer, CHATS)
    said = talkers.edited.generate(**batch, **GREEDY)[:, batch["input_ids"].shape[1] :]
    assert talkers.tokenizer.batch_decode(said, skip_special_tokens=True) == expected
