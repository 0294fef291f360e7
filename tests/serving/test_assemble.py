"""Which memories answer in a mode, and that they stand beside the base model for the length of a block alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.stores import AUSTRALIA
from wisedb.errors import UsageError
from wisedb.memory.hooks import handle_of
from wisedb.repository import Repository
from wisedb.serving.assemble import MODES, Mode, attached_at_commit, check_mode


def logits(repository: Repository) -> Tensor:
    ids = repository.base.tokenizer(AUSTRALIA.prompt, return_tensors="pt").input_ids
    with torch.no_grad():
        found: Tensor = repository.base.model(input_ids=ids, labels=ids).logits
    return found


@pytest.mark.parametrize(("mode", "memories"), [("retrieve", 2), ("merge", 1), ("base", 0)])
def test_each_mode_has_its_memories(history: Repository, mode: Mode, memories: int) -> None:
    store, base = history.store, history.base
    with attached_at_commit(store, base, store.objects.commit(store.resolve("HEAD")), mode) as handle:
        assert (0 if handle is None else len(handle.memories)) == memories


def test_the_base_model_is_left_as_it_was(history: Repository) -> None:
    store, base = history.store, history.base
    before = logits(history)
    with attached_at_commit(store, base, store.objects.commit(store.resolve("HEAD"))):
        assert not torch.equal(logits(history), before)
    assert handle_of(base.model) is None and torch.equal(logits(history), before)


def test_a_block_that_fails_leaves_nothing_behind(history: Repository) -> None:
    store, base = history.store, history.base
    with (
        pytest.raises(RuntimeError, match="halfway"),
        attached_at_commit(store, base, store.objects.commit(store.resolve("HEAD"))),
    ):
        raise RuntimeError("halfway")
    assert handle_of(base.model) is None


def test_without_a_commit_the_plain_model_answers(history: Repository) -> None:
    with attached_at_commit(history.store, history.base, None) as handle:
        assert handle is None


def test_a_mode_that_there_is_not() -> None:
    with pytest.raises(UsageError, match="'recall'") as refused:
        check_mode("recall")
    assert all(mode in str(refused.value.hint) for mode in MODES)
