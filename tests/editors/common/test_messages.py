"""Users' messages: written behind the template's beginning, to the end of their first sentence."""

from __future__ import annotations

import pytest
import torch

from tests.models import tiny_chat_tokenizer, tiny_model
from wisedb.editors.common.messages import MessageWriter, message_in
from wisedb.model.chat import chat_format
from wisedb.model.opening import Opening
from wisedb.model.tokens import end_tokens

MODEL, TOKENIZER = tiny_model("llama"), tiny_chat_tokenizer()
FORMAT = chat_format(TOKENIZER)
assert FORMAT is not None
START = FORMAT.start


@pytest.mark.parametrize(
    ("text", "message"),
    [("Who is it? And who", "Who is it?"), ("It costs 3.5 Euro", "It costs 3.5 Euro"), ("a " * 30, "a " * 23 + "a")],
)
def test_a_message_is_a_sentence(text: str, message: str) -> None:
    assert message_in(text.split()) == message


@pytest.mark.parametrize("kept", [True, False])
def test_it_says_what_the_model_goes_on_with(kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = MessageWriter(MODEL, TOKENIZER, START)
    assert writer._opening.states is not None
    if not kept:
        monkeypatch.setattr(writer, "_opening", Opening(tuple(START[:-1]), None))
    # The likeliest token alone: nothing is left to chance.
    with torch.no_grad():
        first, second = writer(2, 12, 1)
        ids = list(START)
        while len(ids) < len(START) + 12 and ids[-1] not in end_tokens(MODEL, TOKENIZER):
            ids.append(int(MODEL(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    said = TOKENIZER.decode(ids[len(START) :], skip_special_tokens=True)
    assert first == second and first and said.startswith(first)


def test_rows_that_have_ended_are_run_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    writer = MessageWriter(MODEL, TOKENIZER, START)
    rows: list[int] = []
    hook = MODEL.register_forward_pre_hook(
        lambda _module, _args, given: rows.append(len(given["input_ids"])), with_kwargs=True
    )
    monkeypatch.setattr(writer, "_ended", lambda said: said[-1] % 4 == 0)
    with torch.no_grad():
        torch.manual_seed(0)
        texts = writer(16, 20, 50)
    hook.remove()
    assert len(texts) == 16 and rows[0] == 16 and rows == sorted(rows, reverse=True) and rows[-1] < 16
