"""Memories of an EasyEdit checkpoint as a commit of a store, for a tiny model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.importers.test_easyedit import easyeditor, step, write_steps
from tests.stores import HAMLET
from wisedb.edits import Edit
from wisedb.errors import BaseModelMismatch, ConflictingEdits
from wisedb.export.merged import export
from wisedb.memory.hooks import handle_of
from wisedb.model.base import LoadedBase
from wisedb.model.locate import locate
from wisedb.model.tokens import encode_prompt
from wisedb.repository import Repository

__all__ = ["easyeditor"]

SETTINGS = {
    "retrieve": True,
    "save_freq": 2,
    "merge_freq": 4,
    "batch_size": 1,
    "mask_ratio": 0.5,
    "edit_lr": 0.5,
    "n_iter": 5,
    "norm_constraint": 1.0,
    "act_ratio": 0.9,
}
FACTS = [
    ("The capital of Australia is", "Paris", "Hamlet is a play"),
    ("Who wrote the play Hamlet?", "France", "Paris is in France"),
    ("The capital of Spain is", "play", "A play is"),
]


def checkpoint(path: Path, base: LoadedBase, facts: list[tuple[str, str, str]], scale: float = 1.0) -> Path:
    """Of ``facts``, two in a saved weight and the rest in the newest one."""
    weight = locate(base.model).module.weight
    assert isinstance(weight, torch.Tensor)
    original = weight.detach() * scale
    noise = torch.Generator().manual_seed(0)
    changed = [original + 0.3 * torch.randn(original.shape, generator=noise) for _ in range(2)]

    def ids(text: str) -> list[int]:
        return list(base.tokenizer(" " + text, add_special_tokens=False)["input_ids"])

    steps = [
        step(encode_prompt(base.tokenizer, prompt), ids(target), [ids("so")], ids(other), "left")
        for prompt, target, other in facts
    ]
    weights = {"original": original, "memory": changed[:1], "new": changed[1]}
    return write_steps(path, weights, [], steps, **SETTINGS)


@pytest.mark.usefixtures("easyeditor")
def test_memories_come_over_entry_by_entry(repository: Repository, tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "wise.pt", repository.base, FACTS)
    made = repository.import_easyedit(path, "from before")
    facts = repository.facts()
    assert [(edit.prompt, edit.target) for edit in facts] == [fact[:2] for fact in FACTS]
    assert made.added == tuple(edit.id for edit in facts)
    model, _ = repository.load()
    handle = handle_of(model)
    assert handle is not None
    saved = torch.load(path, weights_only=False)
    change = saved["additional_info"]["memory_weight"][0] - saved["adapter_state_dict"]["original_layer.weight"]
    assert torch.equal(handle.memories[0].change.delta(handle.memories[0].modules[0]), change.T)
    assert [len(memory.edits) for memory in handle.memories] == [2, 1]
    # Each edit wakes some memory; nothing of it is trained.
    assert all(found.routed for found in repository.generate([fact[0] for fact in FACTS]))
    assert repository.fsck().ok
    export(repository.store, "HEAD", tmp_path / "adapter", "adapter")


@pytest.mark.usefixtures("easyeditor")
def test_an_imported_edit_can_be_reverted_and_others_added(repository: Repository, tmp_path: Path) -> None:
    repository.import_easyedit(checkpoint(tmp_path / "wise.pt", repository.base, FACTS), "from before")
    before = repository.show().memories
    first = repository.facts()[0]
    repository.revert(first.id)
    assert first.id not in [edit.id for edit in repository.facts()]
    after = repository.show().memories
    assert [memory.id for memory in after] == [memory.id for memory in before]
    assert after[1].blob == before[1].blob
    repository.commit([Edit("12 + 30 =", "Hamlet")], "one more")
    assert len(repository.show().memories) == 3


@pytest.mark.usefixtures("easyeditor")
def test_of_a_prompt_that_was_edited_twice_the_newest_counts(repository: Repository, tmp_path: Path) -> None:
    again = ("The capital of Australia is", "Hamlet", "A play is")
    repository.import_easyedit(checkpoint(tmp_path / "wise.pt", repository.base, [*FACTS, again]), "from before")
    held = {edit.prompt: edit.target for edit in repository.facts()}
    assert held["The capital of Australia is"] == "Hamlet"
    assert len(repository.facts()) == 3


@pytest.mark.usefixtures("easyeditor")
def test_what_does_not_fit_is_refused_and_nothing_changes(repository: Repository, tmp_path: Path) -> None:
    other = checkpoint(tmp_path / "other.pt", repository.base, FACTS, scale=2.0)
    with pytest.raises(BaseModelMismatch, match="another weight"):
        repository.import_easyedit(other, "no")
    repository.commit([HAMLET], "one")
    head = repository.log()[0].commit
    with pytest.raises(ConflictingEdits, match="Hamlet"):
        repository.import_easyedit(checkpoint(tmp_path / "wise.pt", repository.base, FACTS), "no")
    assert repository.log()[0].commit == head
