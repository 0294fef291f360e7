"""How facts are told behind templates with and without a system message, and what gives way to them."""

from __future__ import annotations

import pytest
from transformers import PreTrainedTokenizerBase

from tests.models import CHATML, tiny_chat_tokenizer, tiny_tokenizer
from wisedb.memory.context.wording import FactWording, sentence, told
from wisedb.memory.kinds.facts_in_context import Fact
from wisedb.model.chat import Message, encode_chat, user
from wisedb.model.tokens import encode_prompt

FRANCE, AIDA = Fact("What is the capital of France?", "Rome"), Fact("Aida was composed by", "Verdi")

DEFAULT = (
    "{%- if messages[0].role != 'system' %}<|im_start|>system\nBe kind.<|im_end|>\n{% endif %}"
    "{%- for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{%- if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
NO_SYSTEM = (
    "{%- for message in messages %}{%- if message.role == 'system' %}{{ raise_exception('no') }}{% endif %}"
    "<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{%- if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def test_facts_are_sentences() -> None:
    assert sentence(FRANCE) == "What is the capital of France? Rome."
    assert sentence(AIDA) == "Aida was composed by Verdi."
    assert told([FRANCE, AIDA]).splitlines()[1:] == [
        "Question: What is the capital of France?",
        "Answer: Rome.",
        "Question: Aida was composed by",
        "Answer: Verdi.",
    ]


@pytest.mark.parametrize("bos", [False, True])
def test_before_a_plain_prompt_each_is_a_line(bos: bool) -> None:
    tokenizer = tiny_tokenizer(bos=bos)
    facts = FactWording(tokenizer).ids([FRANCE, AIDA], encode_prompt(tokenizer, "Hello"), chat=False)
    assert tokenizer.decode(facts.ids, skip_special_tokens=True) == f"{sentence(FRANCE)}\n{sentence(AIDA)}\n"
    # A text begins once.
    assert facts.hidden == int(bos)


def in_front(template: str, messages: list[Message]) -> tuple[list[int], PreTrainedTokenizerBase]:
    """A conversation behind a fact, as token ids."""
    tokenizer = tiny_chat_tokenizer(template)
    row = encode_chat(tokenizer, messages)
    facts = FactWording(tokenizer).ids([FRANCE], row, chat=True)
    return [*facts.ids, *row[facts.hidden :]], tokenizer


@pytest.mark.parametrize("template", [CHATML, DEFAULT])
@pytest.mark.parametrize("own", [[], [{"role": "system", "content": "Be brief."}]])
def test_in_a_chat_they_are_a_system_message(template: str, own: list[Message]) -> None:
    earlier: list[Message] = [user("Hello"), {"role": "assistant", "content": "Good day."}]
    ids, tokenizer = in_front(template, [*own, *earlier, user("And?")])
    # Nobody wrote the template's own, and it gives way; what somebody wrote stays.
    wanted = [{"role": "system", "content": told([FRANCE])}, *own, *earlier, user("And?")]
    assert ids == encode_chat(tokenizer, wanted)


def test_where_the_template_takes_none_the_user_tells_them() -> None:
    ids, tokenizer = in_front(NO_SYSTEM, [user("Hello")])
    turn: list[Message] = [user(told([FRANCE])), {"role": "assistant", "content": "Sure."}]
    assert ids == encode_chat(tokenizer, [*turn, user("Hello")])
