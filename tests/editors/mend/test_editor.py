"""What MEND does with a commit: its edits together or one by one, everywhere or behind the keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from tests.editors.contract import fake_editor, quick, store_of
from tests.stores import AUSTRALIA, HAMLET, SUM
from wisedb.editors.mend.editor import EDITOR
from wisedb.editors.streams import Held, StreamItem
from wisedb.repository import Repository

__all__ = ["fake_editor", "store_of"]

Make = Callable[..., Repository]


def _commit(repository: Repository, edits: list[Any], **settings: Any) -> None:
    repository.commit(edits, "some", settings={**quick("mend"), **settings}, author="Ada")


def _logits(model: Any, tokenizer: Any, prompt: str) -> torch.Tensor:
    row = tokenizer(prompt, return_tensors="pt").input_ids
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=row, labels=row).logits[0, -1]
    return found


def test_new_edits_of_one_memory_are_one_batch() -> None:
    settings = EDITOR.configure({})
    held = Held("m", (StreamItem(AUSTRALIA, (), 0),), 1)
    (planned,) = EDITOR.plan([held], [HAMLET, SUM], [], settings, 0)
    assert [item.batch for item in planned.stream] == [0, 1, 1]
    (begun,) = EDITOR.plan([], [HAMLET, SUM], [], settings, 0)
    assert [item.batch for item in begun.stream] == [0, 0]
    (apart,) = EDITOR.plan([], [HAMLET, SUM], [], EDITOR.configure({"together": False}), 0)
    assert [item.batch for item in apart.stream] == [None, None]


def test_behind_the_keys_it_answers_its_edits_alone(store_of: Make) -> None:
    repository = store_of("mend", anew=True)
    _commit(repository, [AUSTRALIA], gate="keys")
    edited, tokenizer = repository.load("HEAD")
    plain, _ = repository.load("HEAD", mode="base")
    assert torch.equal(_logits(edited, tokenizer, HAMLET.prompt), _logits(plain, tokenizer, HAMLET.prompt))
    assert not torch.equal(_logits(edited, tokenizer, AUSTRALIA.prompt), _logits(plain, tokenizer, AUSTRALIA.prompt))
