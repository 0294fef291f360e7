"""How a subject is spelt, and where it stands."""

from __future__ import annotations

import pytest

from tests.memory.keyed import TOKENIZER
from tests.models import tiny_tokenizer
from wisedb.memory.gates.keys.spellings import legible, spellings_of, subject_span, typed_spellings
from wisedb.model.tokens import encode_prompt


@pytest.mark.parametrize("bos", [True, False])
@pytest.mark.parametrize(
    ("text", "subject", "expected"),
    [
        ("The capital of France is", "France", "France"),
        ("france is", "France", "france"),
        ("東京は", "東京", "東京"),
        ("The capital", "Paris", ""),
        ("The capital", " ", ""),
    ],
)
def test_where_a_subject_stands(bos: bool, text: str, subject: str, expected: str) -> None:
    tokenizer = tiny_tokenizer(bos=bos)
    ids = encode_prompt(tokenizer, text)
    first, last = subject_span(tokenizer, text, ids, subject)
    assert expected in tokenizer.decode(ids[first:last])
    assert (last == 0) == (expected == "")


def test_where_a_subject_stands_without_offsets() -> None:
    class Slow:
        """A tokenizer that can't say where its tokens stand."""

        is_fast = False
        eos_token_id = sep_token_id = None

        def __call__(self, text: str, **_: object) -> dict[str, list[int]]:
            return {"input_ids": [ord(sign) for sign in text]}

    slow = Slow()
    ids = [ord(sign) for sign in "Is Rome old"]
    assert subject_span(slow, "Is Rome old", ids, "Rome") == (2, 7)
    assert subject_span(slow, "Is Rome old", ids, "Oslo") == (0, 0)


def test_people_type_a_subject_without_capitals_or_with_nothing_else() -> None:
    def typed(prompt: str, name: str) -> set[str]:
        known = spellings_of(TOKENIZER, prompt, encode_prompt(TOKENIZER, prompt), name)
        found = typed_spellings(TOKENIZER, name, known)
        return {TOKENIZER.decode(ids[first:last]).strip() for ids, first, last in found}

    assert typed("Who was born in Rome", "Rome") == {"rome", "ROME"}
    assert typed("東京は", "東京") == set()
    assert typed_spellings(TOKENIZER, None, []) == []


def test_a_text_is_legible_in_tokens_of_two_letters() -> None:
    assert legible("ROME", 2) and not legible("ROME", 3)
