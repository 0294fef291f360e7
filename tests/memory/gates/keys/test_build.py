"""Keys from edits: how a subject is spelt, what is asked of it, and that an edit's keys depend on it alone."""

from __future__ import annotations

from dataclasses import replace

import torch

from tests.memory.keyed import EACH, TOKENIZER, keys_of, statistics_of
from tests.models import tiny_model
from wisedb.edits import Edit, LocalityPrompt
from wisedb.memory.gates.keys.build import build_keys
from wisedb.memory.gates.keys.edit_keys import EditKeys
from wisedb.model.locate import locate


def test_keys_depend_on_their_edit_alone() -> None:
    together = keys_of(EACH)
    assert together.edits == 3
    for number, edit in enumerate(EACH):
        alone, own = keys_of([edit]), together.owners == number
        assert torch.equal(alone.relations, together.relations[own])
        assert torch.equal(alone.knowledge, together.knowledge[own])
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
    assert len(asked) == 2 * len(plain)
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


def test_a_prompt_is_also_looked_for_as_people_type_it() -> None:
    ring = keys_of(EACH[1:2])
    texts = [
        TOKENIZER.decode(part, skip_special_tokens=True)
        for part in torch.split(ring.tokens, ring.readings[:, 1].tolist())
    ]
    # In capitals this tokenizer spells letter by letter, which any other text has too.
    assert texts == [EACH[1].prompt, "hamlet", EACH[1].prompt.lower()]
    assert ring.typed.tolist() == [0, 1]
    assert torch.equal(ring.knowledge[0], ring.knowledge[1]) and not torch.equal(ring.relations[0], ring.relations[1])
    # Where a script has no capitals, nobody can.
    assert keys_of([Edit(prompt="東京は", target="Rome", subject="東京")]).typed.tolist() == [0]


def test_a_subject_that_is_not_named_is_guessed_or_left_open() -> None:
    named = keys_of([Edit(prompt="Who wrote Hamlet?", target="Goethe", subject="Hamlet")])
    guessed = keys_of([Edit(prompt="Who wrote Hamlet?", target="Goethe")])
    assert torch.equal(guessed.readings, named.readings)
    assert torch.equal(guessed.tokens, named.tokens)
    left = keys_of([Edit(prompt="who wrote it?", target="Goethe")])
    assert set(map(tuple, left.readings[:, 2:].tolist())) == {(0, 0)}
    elsewhere = keys_of([Edit(prompt="who wrote it?", target="Goethe", subject="Hamlet")])
    assert elsewhere.readings[0, 2:].tolist() == [0, 0]
    assert len(elsewhere.readings) > 1


def test_knowledge_is_a_share() -> None:
    ring = keys_of(EACH)
    assert ((ring.knowledge >= 0) & (ring.knowledge <= 1)).all()
    model = tiny_model("llama")
    with torch.no_grad():
        model.get_output_embeddings().weight.zero_()
    dull = build_keys(model, locate(model), TOKENIZER, statistics_of(model), EACH)
    torch.testing.assert_close(dull.knowledge, torch.zeros(len(dull)), rtol=0, atol=1e-5)
