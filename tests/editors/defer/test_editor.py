"""What Defer does with a commit: everywhere or behind the keys, and with prompts that shall be left alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from tests.editors.contract import fake_editor, quick, store_of
from tests.stores import AUSTRALIA, HAMLET, SUM
from wisedb.repository import Repository

__all__ = ["fake_editor", "store_of"]

Make = Callable[..., Repository]


def _main(repository: Repository) -> str:
    (memory,) = repository.store.objects.commit(repository.store.resolve("HEAD")).memories
    return memory.main


def _commit(repository: Repository, edits: list[Any], **settings: Any) -> None:
    repository.commit(edits, "some", settings={**quick("defer"), **settings}, author="Ada")


def _logits(model: Any, tokenizer: Any, prompt: str) -> torch.Tensor:
    row = tokenizer(prompt, return_tensors="pt").input_ids
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=row, labels=row).logits[0, -1]
    return found


def test_behind_the_keys_it_answers_its_edits_alone(store_of: Make) -> None:
    repository = store_of("defer", anew=True)
    _commit(repository, [AUSTRALIA], gate="keys")
    edited, tokenizer = repository.load("HEAD")
    plain, _ = repository.load("HEAD", mode="base")
    assert torch.equal(_logits(edited, tokenizer, HAMLET.prompt), _logits(plain, tokenizer, HAMLET.prompt))
    assert not torch.equal(_logits(edited, tokenizer, AUSTRALIA.prompt), _logits(plain, tokenizer, AUSTRALIA.prompt))


def test_quiet_prompts_are_drawn_for_each_edit_whatever_was_trained_before(store_of: Make) -> None:
    one, other, loud = (store_of("defer", name, anew=True) for name in ("one", "other", "loud"))
    _commit(one, [AUSTRALIA, SUM], quiet=4)
    _commit(other, [AUSTRALIA], quiet=4)
    _commit(other, [HAMLET], quiet=4)
    other.revert(HAMLET.id)
    _commit(other, [SUM], quiet=4)
    _commit(loud, [AUSTRALIA, SUM])
    assert _main(one) == _main(other) != _main(loud)
