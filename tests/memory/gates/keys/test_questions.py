"""The questions that edits were learned with."""

from __future__ import annotations

import pytest

from tests.memory.test_chat import FRANCE, HAMLET, TOKENIZER, UNRELATED
from tests.models import tiny_model, tiny_tokenizer
from wisedb.memory.gates.keys.build import build_keys
from wisedb.memory.gates.keys.questions import questions_of
from wisedb.memory.gates.keys.statistics import compute_statistics
from wisedb.model.locate import locate


@pytest.mark.parametrize("rephrases", [False, True])
def test_each_edit_is_asked_as_in_a_message_of_a_chat(rephrases: bool) -> None:
    model = tiny_model("llama")
    statistics = compute_statistics(model, locate(model), TOKENIZER, UNRELATED)
    ring = build_keys(model, locate(model), TOKENIZER, statistics, [HAMLET, FRANCE], rephrases=rephrases)
    found = questions_of([None, ring], [3, 2])
    wanted = [TOKENIZER(edit.prompt, add_special_tokens=False)["input_ids"] for edit in (HAMLET, FRANCE)]
    assert {edit: list(asked.ids) for edit, asked in found.items()} == {3: wanted[0], 4: wanted[1]}
    assert [TOKENIZER.decode(found[edit].subject).strip() for edit in (3, 4)] == ["Hamlet", "France"]


def test_plain_prompts_are_no_questions() -> None:
    model = tiny_model("llama")
    statistics = compute_statistics(model, locate(model), tiny_tokenizer(), UNRELATED)
    ring = build_keys(model, locate(model), tiny_tokenizer(), statistics, [HAMLET])
    assert questions_of([ring], [1]) == {}
