"""Other ways to ask for an edit: borrowed from edits that ask the same, and never from what measures it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest
import torch

from tests.editors.keyed.fixtures import prepared, quick, statistics_of
from wisedb.config import EditorChoice
from wisedb.editors.keyed import sampler
from wisedb.editors.keyed.paraphrases import RelationEncoder, paraphrases
from wisedb.editors.keyed.sampler import _SMALL_BATCH, training_set
from wisedb.editors.registry import bind
from wisedb.edits import Edit, LocalityPrompt
from wisedb.memory.gates.keys.build import build_keys
from wisedb.repository import Repository
from wisedb.serving.blobs import PendingBlobs
from wisedb.serving.resources import StoreResources

LAOS = Edit("The capital of Laos is", "Rome", subject="Laos")
PERU = Edit("Which city is the capital of Peru?", "Paris", subject="Peru")
CHAD = Edit("Chad is governed from", "Berne", subject="Chad")
MALI = Edit("People in Mali pay with the", "dinar", subject="Mali")
CAPITALS = (LAOS, PERU, CHAD)
STATES = tuple(
    replace(LAOS, prompt=f"The capital of {name} is", subject=name)
    for name in ["Mali", "Togo", "Oman", "Fiji", "Iran", "Iraq", "Cuba", "Peru"]
)
CAPITAL, MONEY = (1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0)


class AllAlike(RelationEncoder):
    """All prompts ask the same."""

    def __call__(self, prompts: Sequence[str]) -> torch.Tensor:
        return torch.ones(len(prompts), 4)


def asked(*keys: tuple[float, ...]) -> torch.Tensor:
    """What prompts ask for."""
    return torch.tensor(keys)


def test_edits_borrow_from_those_that_ask_the_same() -> None:
    near = (0.9, 0.1, 0.0, 0.0)
    found = paraphrases([LAOS, PERU], [CHAD, MALI], asked(CAPITAL, near, (0.8, 0.3, 0.0, 0.0), MONEY), 4)
    assert found == [
        ("Which city is the capital of Laos?", "Laos is governed from"),
        ("The capital of Peru is", "Peru is governed from"),
    ]


def test_the_nearest_come_first_and_no_more_than_asked_for() -> None:
    keys = asked(CAPITAL, (0.8, 0.3, 0.0, 0.0), (0.9, 0.1, 0.0, 0.0))
    assert paraphrases([LAOS], [PERU, CHAD], keys, 1) == [("Laos is governed from",)]
    assert paraphrases(CAPITALS, (), keys, 0) == [(), (), ()]


def test_a_frame_asks_what_its_edits_ask_on_average() -> None:
    togo = Edit("Togo is governed from", "Oslo", subject="Togo")
    drawn = asked(CAPITAL, (0.9, 0.1, 0.0, 0.0), CAPITAL, (0.0, 1.0, 1.0, 0.0))
    assert paraphrases([LAOS], [PERU, CHAD, togo], drawn, 1) == [("Which city is the capital of Laos?",)]


@pytest.mark.parametrize(
    "held",
    [
        replace(LAOS, rephrases=("which city is the  capital of Laos?",)),
        replace(LAOS, locality=(LocalityPrompt("Which city is the capital of Laos?", "Rome"),)),
    ],
)
def test_what_measures_an_edit_is_never_trained(held: Edit) -> None:
    assert paraphrases([held], [PERU], asked(CAPITAL, CAPITAL), 4) == [()]


def test_another_edits_prompt_is_not_borrowed() -> None:
    again = Edit("Which city is the capital of Laos?", "Rome", subject="Laos")
    assert paraphrases([LAOS], [PERU, again], asked(CAPITAL, CAPITAL, CAPITAL), 4) == [()]


def test_of_two_questions_on_one_subject_each_borrows_its_own() -> None:
    money = Edit("Laos mints the", "dinar", subject="laos")
    between = asked((1.0, 0.8, 0.0, 0.0), (0.8, 1.0, 0.0, 0.0), CAPITAL, MONEY)
    capital, coin = paraphrases([LAOS, replace(money, prompt="laos mints the")], [PERU, MALI], between, 4)
    assert capital == ("Which city is the capital of Laos?",)
    assert coin == ("People in laos pay with the",)
    same = replace(money, prompt="laos mints the", target=LAOS.target)
    assert paraphrases([LAOS, same], [PERU, MALI], between, 4)[0][-1] == "People in Laos pay with the"


@pytest.mark.parametrize(
    "lender",
    [
        replace(PERU, prompt="Peru, is that Peru?"),
        replace(PERU, prompt="Which city is it?"),
        replace(PERU, prompt="Peru is mentioned here" + " and there" * 15),
    ],
    ids=["twice", "not at all", "long"],
)
def test_what_makes_no_frame_is_not_lent(lender: Edit) -> None:
    assert paraphrases([LAOS], [lender], asked(CAPITAL, CAPITAL), 4) == [()]


def test_a_subject_that_nobody_named_is_guessed() -> None:
    unnamed = [replace(edit, subject=None) for edit in (LAOS, PERU)]
    found = paraphrases(unnamed, (), asked(CAPITAL, CAPITAL), 4)
    assert found == [("Which city is the capital of Laos?",), ("The capital of Peru is",)]
    assert paraphrases([Edit("no name in here", "x"), PERU], (), asked(CAPITAL, CAPITAL), 4)[0] == ()


def test_what_a_prompt_asks_is_its_relation_key_whatever_else_is_asked() -> None:
    base = prepared("llama")
    statistics = statistics_of()
    ask = RelationEncoder(base.model, base.tokenizer, base.projection, statistics)
    together = ask([edit.prompt for edit in CAPITALS])
    alone = RelationEncoder(base.model, base.tokenizer, base.projection, statistics)([CHAD.prompt])
    assert torch.equal(together[2:], alone) and torch.equal(ask([CHAD.prompt]), alone)
    ring = build_keys(base.model, base.projection, base.tokenizer, statistics, CAPITALS)
    torch.testing.assert_close(together, ring.relations.float(), rtol=2e-3, atol=2e-3)


def test_the_editor_tells_which_prompts_it_may_make(
    new_repository: Callable[..., Repository], monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = new_repository(shard_capacity=20, steps=2)
    borrowed: set[str] = set()

    def watched(*args: Any) -> list[tuple[str, ...]]:
        found = paraphrases(*args)
        borrowed.update(prompt for prompts in found for prompt in prompts)
        return found

    monkeypatch.setattr(sampler, "paraphrases", watched)
    monkeypatch.setattr("wisedb.editors.keyed.paraphrases._ALIKE", -1.0)  # a random model finds nothing alike
    edits = [LAOS, CHAD, *STATES]
    repository.commit(edits, "all")
    store, choice = repository.store, repository.store.config.editor

    def made(choice: EditorChoice, edits: Sequence[Edit] = edits) -> list[str]:
        resources = StoreResources(repository.base, store.config.base, PendingBlobs(store.blob_cache), choice.resources)
        return bind(choice).made_prompts(repository.base, resources, edits)

    assert borrowed and borrowed <= set(made(choice))
    assert not {edit.prompt for edit in edits}.intersection(made(choice))
    assert made(choice, []) == []
    assert made(replace(choice, settings={**choice.settings, "paraphrases": 0})) == []
    assert made(EditorChoice("wise")) == []


def test_a_batch_is_learned_in_borrowed_words() -> None:
    base = prepared("llama")
    alike = AllAlike(base.model, base.tokenizer, base.projection, statistics_of())

    def prompts(edits: int = _SMALL_BATCH + 1, *, target: str = "Rome", merging: bool = False, **settings: Any) -> int:
        batch = [replace(LAOS, target=target), *STATES[: edits - 1]]
        context = replace(base, relations=alike)
        chosen = quick(**{"contexts": 0, **settings})
        return training_set(context, chosen, batch, [PERU, CHAD], Random(0), merging=merging).new.prompts(0)

    assert prompts() == prompts(_SMALL_BATCH, merging=True) == 3
    assert prompts(_SMALL_BATCH) == prompts(1) == 1
    assert prompts(target="Rome " * 15) == 3
    assert prompts(target="Rome " * 16) == 1
    assert prompts(paraphrases=1) == 2
    assert prompts(paraphrases=1, merging=True) == 3
    assert prompts(paraphrases=0) == prompts(paraphrases=0, merging=True) == 1
