"""Keys from edits: how a subject is spelt, what is asked of it, and that an edit's keys depend on it alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.memory.keyed import EACH, TOKENIZER, keys_of, statistics_of
from tests.models import tiny_model, tiny_tokenizer
from wisedb.edits import Edit, LocalityPrompt
from wisedb.memory.gates.keys.build import build_keys, subject_span
from wisedb.memory.gates.keys.edit_keys import EditKeys
from wisedb.model.locate import locate
from wisedb.model.tokens import encode_prompt


def test_keys_depend_on_their_edit_alone() -> None:
    together = keys_of(EACH)
    assert len(together) == together.edits == 3
    for number, edit in enumerate(EACH):
        alone = keys_of([edit])
        assert torch.equal(alone.relations[0], together.relations[number])
        assert torch.equal(alone.knowledge[0], together.knowledge[number])
    parts = EditKeys.joined([(keys_of(EACH[:1]), [0]), (keys_of(EACH[1:]), [1, 2])])
    for name, tensor in together.tensors().items():
        assert torch.equal(parts.tensors()[name], tensor), name


def test_what_measures_an_edit_is_no_key() -> None:
    plain = keys_of(EACH[:1])
    edit = replace(
        EACH[0], rephrases=("Of France the capital is",), locality=(LocalityPrompt("The capital of Italy is"),)
    )
    hidden = keys_of([edit])
    assert torch.equal(hidden.tokens, plain.tokens)
    assert torch.equal(hidden.relations, plain.relations)
    asked = keys_of([edit], rephrases=True)
    assert asked.owners.tolist() == [0, 0]
    assert asked.edits == 1


def test_a_subject_is_spelt_in_several_ways() -> None:
    ring = keys_of([Edit(prompt="France is ruled from", target="Rome", subject="France")])
    texts = [
        TOKENIZER.decode(tokens[first:last])
        for tokens, (_, _, first, last) in zip(
            torch.split(ring.tokens, ring.readings[:, 1].tolist()), ring.readings.tolist(), strict=True
        )
    ]
    assert [text.strip() for text in texts] == ["France"] * len(texts)
    assert len(texts) == len(set(texts)) == 2


def test_a_subject_that_is_not_named_is_guessed_or_left_open() -> None:
    named = keys_of([Edit(prompt="Who wrote Hamlet?", target="Goethe", subject="Hamlet")])
    guessed = keys_of([Edit(prompt="Who wrote Hamlet?", target="Goethe")])
    assert torch.equal(guessed.readings, named.readings)
    assert torch.equal(guessed.tokens, named.tokens)
    left = keys_of([Edit(prompt="who wrote it?", target="Goethe")])
    assert left.readings[:, 2:].tolist() == [[0, 0]]
    elsewhere = keys_of([Edit(prompt="who wrote it?", target="Goethe", subject="Hamlet")])
    assert elsewhere.readings[0, 2:].tolist() == [0, 0]
    assert len(elsewhere.readings) > 1


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


def test_knowledge_is_a_share() -> None:
    ring = keys_of(EACH)
    assert ((ring.knowledge >= 0) & (ring.knowledge <= 1)).all()
    model = tiny_model("llama")
    with torch.no_grad():
        model.get_output_embeddings().weight.zero_()
    dull = build_keys(model, locate(model), TOKENIZER, statistics_of(model), EACH)
    torch.testing.assert_close(dull.knowledge, torch.zeros(3), rtol=0, atol=1e-5)
