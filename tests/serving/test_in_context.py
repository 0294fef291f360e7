"""The facts of memories of any editor in the context, and keys that are made for those without any."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.editors.contract import quick
from tests.stores import AUSTRALIA, HAMLET, SUM, Shelf
from wisedb.errors import UsageError
from wisedb.memory.hooks import handle_of
from wisedb.repository import Repository
from wisedb.serving.assemble import attached_at_commit
from wisedb.serving.in_context import KIND
from wisedb.store.derived_cache import folder


@pytest.fixture
def mixed(shelf: Shelf, model_folder: Path, tmp_path: Path) -> Iterator[Repository]:
    """A fact by rome's always-on memory, one in a codebook, one behind keys."""

    def make(path: Path) -> Repository:
        pool = [f"The {thing} of the story is number {n}" for n in range(10) for thing in ("hero", "house", "river")]
        made = Repository.init(path, str(model_folder), editor="rome", settings=quick("rome"), pool=pool, author="Ada")
        for editor, edit in (("rome", AUSTRALIA), ("grace", HAMLET), ("keyed", SUM)):
            made.commit([edit], editor, editor=editor, settings=quick(editor), author="Ada")
        return made

    yield shelf.copy("rome, grace, keyed", make, tmp_path / "mixed")


def test_whatever_wrote_them_facts_are_found(mixed: Repository) -> None:
    said = mixed.generate([AUSTRALIA.prompt, HAMLET.prompt, SUM.prompt], mode="context", max_new_tokens=3)
    assert [each.facts for each in said] == [(AUSTRALIA.id,), (HAMLET.id,), (SUM.id,)]
    assert all(each.routed and not each.always_on for each in said)
    # The keys of memories that have none are remembered.
    assert any((folder() / KIND).iterdir())


def test_in_hybrid_what_stands_behind_keys_answers_itself(mixed: Repository) -> None:
    said = mixed.generate([AUSTRALIA.prompt, HAMLET.prompt, SUM.prompt], mode="hybrid", max_new_tokens=3)
    assert [each.facts for each in said] == [(AUSTRALIA.id,), (HAMLET.id,), ()]
    plain = mixed.generate(SUM.prompt, max_new_tokens=3)
    assert said[2].routed and said[2].memory == plain[0].memory


@pytest.mark.parametrize("mode", ["context", "hybrid"])
def test_a_loaded_model_moves_between_modes(mixed: Repository, mode: str) -> None:
    model, tokenizer = mixed.load("HEAD", "retrieve")
    ids = tokenizer(AUSTRALIA.prompt, return_tensors="pt").input_ids
    fresh = mixed.load("HEAD", mode)[0]
    mixed.switch(model, "HEAD", mode)
    handle = handle_of(model)
    assert handle is not None and handle.puts_facts
    with torch.no_grad():
        assert torch.equal(model(ids).logits, fresh(ids).logits)
    mixed.switch(model, "HEAD", "retrieve")
    assert (handle := handle_of(model)) is not None and not handle.puts_facts


def test_it_is_explained_and_measured(mixed: Repository) -> None:
    found = mixed.explain(HAMLET.prompt, mode="context")
    assert found.facts == (HAMLET,) and found.routed and found.meant == HAMLET.id
    assert [edit["id"] for edit in found.to_json()["facts"]] == [HAMLET.id]
    measured = mixed.evaluate(mode="context")
    assert measured.mode == "context" and measured.recall_at_1 == 1.0 and measured.n == 3


def test_the_base_model_is_left_as_it_was(mixed: Repository) -> None:
    store, base = mixed.store, mixed.base
    with attached_at_commit(store, base, store.objects.commit(store.resolve("HEAD")), "hybrid"):
        assert handle_of(base.model) is not None
    assert handle_of(base.model) is None and "generate" not in base.model.__dict__


def test_an_adapter_holds_no_texts_of_other_editors(mixed: Repository, tmp_path: Path) -> None:
    import wisedb

    mixed.export("HEAD", tmp_path / "out", "adapter")
    with pytest.raises(UsageError, match="no texts"):
        wisedb.load(str(tmp_path / "out"), mode="context", model=str(mixed.base.path))
