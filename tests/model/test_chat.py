"""A chat template's frame, as token ids."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.models import CHATML, tiny_chat_tokenizer, tiny_tokenizer
from wisedb.model.chat import Thinking, chat_format, encode_chat, encode_reply, render, user

LLAMA = (
    "{{ '<s>' }}{% for message in messages %}<|im_start|>{{ message['role'] }}<|im_end|>\n\n"
    "{{ message['content'] | trim }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant<|im_end|>\n\n{% endif %}"
)
OWN_SYSTEM = "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nBe kind.<|im_end|>\n{% endif %}" + CHATML
NO_SYSTEM = (
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "<|im_start|>{{ 'model' if message['role'] == 'assistant' else 'user' }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>model\n{% endif %}"
)
THINKING = CHATML.replace("assistant\n{% endif %}", "assistant\n<think>\n\n</think>\n\n{% endif %}")


@pytest.mark.parametrize("template", [CHATML, LLAMA, OWN_SYSTEM, NO_SYSTEM, THINKING])
def test_the_frame_stands_around_each_message_of_a_user(template: str) -> None:
    tokenizer = tiny_chat_tokenizer(template, kept=("<think>", "</think>"))
    found = chat_format(tokenizer)
    assert found is not None and found.system == (template != NO_SYSTEM)
    assert found == chat_format(tiny_chat_tokenizer(template, kept=("<think>", "</think>")))
    assert found.digest != "" and found.digest != chat_format_digest_of_another(template)
    earlier = [user("Hello there!"), {"role": "assistant", "content": "Hello."}]
    for before in ([], earlier):
        ids = encode_chat(tokenizer, [*before, user("Who wrote Hamlet?")])
        message = tokenizer("Who wrote Hamlet?", add_special_tokens=False)["input_ids"]
        framed = [*found.header, *message, *found.opening]
        if template == THINKING:
            assert found.thinking is not None
            framed += found.thinking.empty
        assert ids[-len(framed) :] == framed


def chat_format_digest_of_another(template: str) -> str:
    found = chat_format(tiny_chat_tokenizer(template + " "))
    return "" if found is None else found.digest


@pytest.mark.parametrize(
    "template",
    [
        "",
        "{{ raise_exception('never') }}",
        # Nothing tells the message from the reply.
        "{% for message in messages %}{{ message['content'] }}{% endfor %}",
        # The message isn't there, or is written twice.
        "{% for message in messages %}<|im_start|>{% endfor %}<|im_end|>",
        "{% for message in messages %}<|im_start|>{{ message['content'] * 2 }}<|im_end|>{% endfor %}<|im_start|>",
    ],
)
def test_a_template_that_cannot_be_taken_apart_is_none(template: str) -> None:
    assert chat_format(tiny_chat_tokenizer(template)) is None


def test_a_tokenizer_without_a_template_has_no_frame() -> None:
    assert chat_format(tiny_tokenizer()) is None


def test_signs_that_are_no_tokens_mark_no_thought() -> None:
    tokenizer = tiny_chat_tokenizer(THINKING)
    found = chat_format(tokenizer)
    assert found is not None and found.thinking is None
    assert tokenizer.decode(found.opening).endswith("</think>\n\n")


THOUGHT = Thinking((7, 1, 8, 1), 2)


@pytest.mark.parametrize(
    ("reply", "own", "over"),
    [
        ((), False, 0),
        ((), True, None),
        # It answered at once.
        ((5, 8, 1), True, 0),
        ((7,), False, None),
        ((7, 1, 8), False, None),
        ((7, 1, 8, 1), False, 4),
        ((7, 5, 8, 2, 8, 1, 5), True, 6),
        # What is no end of a thought isn't one.
        ((7, 8, 5, 1), False, None),
    ],
)
def test_a_reply_begins_behind_its_thought(reply: tuple[int, ...], own: bool, over: int | None) -> None:
    assert replace(THOUGHT, own=own).over(reply) == over


def test_a_reply_is_encoded_as_the_model_would_go_on() -> None:
    tokenizer = tiny_chat_tokenizer()
    asked = [user("Who wrote Hamlet?")]
    ids = encode_chat(tokenizer, asked) + encode_reply(tokenizer, asked, "The poet.")
    assert tokenizer.decode(ids) == render(tokenizer, asked) + "The poet."
