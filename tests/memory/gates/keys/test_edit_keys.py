"""Key rings: what they are made of, and that they depend on their edits alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.memory.keyed import EDITS, TOKENIZER, UNRELATED, keyed_memories, statistics_of
from tests.memory.sides import random_memories
from tests.models import tiny_model, tiny_tokenizer
from wisedb.edits import Edit, LocalityPrompt
from wisedb.errors import CorruptObject, UsageError
from wisedb.memory.gates.base import Gate
from wisedb.memory.gates.keys.build import build_keys, subject_span
from wisedb.memory.gates.keys.edit_keys import EditKeys, same_statistics
from wisedb.memory.gates.keys.statistics import compute_statistics
from wisedb.model.locate import locate
from wisedb.model.tokens import encode_prompt

ALL = [edit for edits in EDITS for edit in edits]


def made(edits: list[Edit], **options: bool) -> EditKeys:
    model = tiny_model("llama")
    return build_keys(model, locate(model), TOKENIZER, statistics_of(model), edits, **options)


def test_keys_depend_on_their_edit_alone() -> None:
    together = made(ALL)
    assert len(together) == together.edits == 3
    for number, edit in enumerate(ALL):
        alone = made([edit])
        assert torch.equal(alone.relations[0], together.relations[number])
        assert torch.equal(alone.knowledge[0], together.knowledge[number])
    parts = EditKeys.joined([(made(ALL[:1]), [0]), (made(ALL[1:]), [1, 2])])
    for name, tensor in together.tensors().items():
        assert torch.equal(parts.tensors()[name], tensor), name


def test_what_measures_an_edit_is_no_key() -> None:
    plain = made(ALL[:1])
    edit = replace(
        ALL[0], rephrases=("Of France the capital is",), locality=(LocalityPrompt("The capital of Italy is"),)
    )
    hidden = made([edit])
    assert torch.equal(hidden.tokens, plain.tokens)
    assert torch.equal(hidden.relations, plain.relations)
    asked = made([edit], rephrases=True)
    assert asked.owners.tolist() == [0, 0]
    assert asked.edits == 1


def test_a_subject_is_spelt_in_several_ways() -> None:
    ring = made([Edit(prompt="France is ruled from", target="Rome", subject="France")])
    texts = [
        TOKENIZER.decode(tokens[first:last])
        for tokens, (_, _, first, last) in zip(
            torch.split(ring.tokens, ring.readings[:, 1].tolist()), ring.readings.tolist(), strict=True
        )
    ]
    assert [text.strip() for text in texts] == ["France"] * len(texts)
    assert len(texts) == len(set(texts)) == 2


def test_a_subject_that_is_not_named_is_guessed_or_left_open() -> None:
    named = made([Edit(prompt="Who wrote Hamlet?", target="Goethe", subject="Hamlet")])
    guessed = made([Edit(prompt="Who wrote Hamlet?", target="Goethe")])
    assert torch.equal(guessed.readings, named.readings)
    assert torch.equal(guessed.tokens, named.tokens)
    left = made([Edit(prompt="who wrote it?", target="Goethe")])
    assert left.readings[:, 2:].tolist() == [[0, 0]]
    elsewhere = made([Edit(prompt="who wrote it?", target="Goethe", subject="Hamlet")])
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
    ring = made(ALL)
    assert ((ring.knowledge >= 0) & (ring.knowledge <= 1)).all()
    model = tiny_model("llama")
    with torch.no_grad():
        model.get_output_embeddings().weight.zero_()
    dull = build_keys(model, locate(model), TOKENIZER, statistics_of(model), ALL)
    torch.testing.assert_close(dull.knowledge, torch.zeros(3), rtol=0, atol=1e-5)


def test_to_tensors_and_back() -> None:
    ring = made(ALL)
    again = EditKeys.from_tensors(ring.tensors(), ring.statistics)
    assert all(torch.equal(again.tensors()[name], tensor) for name, tensor in ring.tensors().items())
    assert ring.size == sum(tensor.nbytes for tensor in ring.tensors().values())
    none = EditKeys.empty(ring.statistics)
    assert len(none) == 0 and len(made([])) == 0
    assert len(EditKeys.from_tensors(none.tensors(), ring.statistics)) == 0


@pytest.mark.parametrize(
    "broken",
    [
        {"owners": torch.tensor([0, 1], dtype=torch.int32)},
        {"owners": torch.tensor([-1, 0, 1], dtype=torch.int32)},
        {"relations": torch.zeros(3, 2, dtype=torch.float16)},
        {"relations": torch.zeros(3, 32)},
        {"knowledge": torch.tensor([0.1, torch.nan, 0.0])},
        {"tokens": torch.zeros(3, dtype=torch.int32)},
        {"readings": torch.zeros(2, 3, dtype=torch.int32)},
        {"readings": torch.tensor([[0, 1, 0, 2]], dtype=torch.int32)},
    ],
)
def test_tensors_that_do_not_belong_together_are_refused(broken: dict[str, torch.Tensor]) -> None:
    ring = made(ALL)
    with pytest.raises(CorruptObject, match="belong together"):
        EditKeys.from_tensors({**ring.tensors(), **broken}, ring.statistics)
    with pytest.raises(CorruptObject, match="no keys"):
        EditKeys.from_tensors(broken, ring.statistics)


def test_rings_of_different_statistics_are_kept_apart() -> None:
    model = tiny_model("llama")
    ring = made(ALL)
    equal = compute_statistics(model, locate(model), TOKENIZER, UNRELATED)
    assert same_statistics([ring, EditKeys.from_tensors(ring.tensors(), equal)]) is ring.statistics
    other = compute_statistics(model, locate(model), TOKENIZER, UNRELATED, seed=3)
    with pytest.raises(UsageError, match="different statistics"):
        EditKeys.joined([(ring, [0, 1, 2]), (EditKeys.from_tensors(ring.tensors(), other), [3, 4, 5])])
    for nothing in ((),):
        with pytest.raises(UsageError):
            EditKeys.joined(nothing)
    with pytest.raises(UsageError, match="no keys"):
        same_statistics([])


def test_a_memory_has_no_keys_for_edits_of_others() -> None:
    model = tiny_model("llama")
    memory = random_memories(locate(model), 1)[0]
    with pytest.raises(CorruptObject, match="more edits"):
        replace(memory, gate=Gate("keys", keys=made(ALL)))
    assert keyed_memories(model)[0].gate.keys is not None
