"""What holds for every editor: the ones that are installed, and one of one page that the tests bring along."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.editors.contract import EDITORS, fake_editor, quick, store_of
from tests.stores import AUSTRALIA, HAMLET, NEWER, SPAIN, SUM
from wisedb.errors import CannotBake
from wisedb.memory.hooks import handle_of
from wisedb.repository import Repository

__all__ = ["fake_editor", "store_of"]

REFUSED = {
    **dict.fromkeys(("codebook", "deferral", "low_rank_rows", "residual_memory"), ("merged",)),
    "context": ("merged", "peft"),
}
"""The layouts into which no memory of a kind can be exported."""

Make = Callable[..., Repository]
pytestmark = pytest.mark.parametrize("editor", EDITORS)

OTHER = {"keyed": "fake"}
"""Who stands beside an editor in a mixed history; ``keyed`` beside all others."""

GATED = {"keyed": "grace"}
"""The same where memories are to go on growing: an always-on one takes no more edits once another stands behind it."""


def mains(repository: Repository, rev: str = "HEAD") -> dict[str, str]:
    """Memory id → main blob."""
    commit = repository.store.objects.commit(repository.store.resolve(rev))
    return {memory.id: memory.main for memory in commit.memories}


def facts(repository: Repository, rev: str = "HEAD") -> dict[str, str]:
    """Prompt → target in force."""
    return {edit.prompt: edit.target for edit in repository.facts(rev)}


def logits(repository: Repository, rev: str = "HEAD") -> torch.Tensor:
    """What the model at a commit says behind the edits' prompts; a model of its own, for nothing to be left over."""
    model, tokenizer = repository.load(rev)
    prompts = [edit.prompt for edit in (AUSTRALIA, HAMLET, SUM, SPAIN)]
    rows = [tokenizer(prompt, return_tensors="pt").input_ids for prompt in prompts]
    with torch.no_grad():
        return torch.cat([model(input_ids=row, labels=row).logits[0, -1:] for row in rows])


def commit(repository: Repository, edits: Any, message: str, editor: str) -> Any:
    return repository.commit(edits, message, editor=editor, settings=quick(editor), author="Ada")


def test_it_describes_itself(editor: str, fake_editor: None) -> None:
    from wisedb.editors.registry import describe

    found = {each.name: each for each in describe()}[editor]
    assert found.good_at.endswith(".") and found.bad_at.endswith(".") and found.undo in ("exact", "retrained")
    assert found.settings


def test_the_same_stream_gives_the_same_bytes(editor: str, store_of: Make) -> None:
    one, other = store_of(editor, "one"), store_of(editor, "other", anew=True)
    for repository in (one, other):
        repository.commit([AUSTRALIA, HAMLET], "two")
        repository.commit([SUM], "one more")
    assert mains(one) == mains(other) and mains(one)
    assert {edit.id for edit in one.facts()} == {AUSTRALIA.id, HAMLET.id, SUM.id}
    assert one.fsck().ok


def test_a_reverted_edit_was_never_there(editor: str, store_of: Make) -> None:
    one, other = store_of(editor, "one", [AUSTRALIA], [HAMLET]), store_of(editor, "other", [AUSTRALIA])
    one.commit([SUM], "kept")
    one.revert(HAMLET.id)
    other.commit([SUM], "kept")
    assert mains(one) == mains(other)
    assert torch.equal(logits(one), logits(other))


def test_an_older_edit_comes_back(editor: str, store_of: Make) -> None:
    repository = store_of(editor, "store", [AUSTRALIA, HAMLET])
    before = mains(repository)
    repository.commit([NEWER], "newer")
    assert facts(repository)[AUSTRALIA.prompt] == NEWER.target
    repository.revert(NEWER.id)
    assert facts(repository)[AUSTRALIA.prompt] == AUSTRALIA.target and mains(repository) == before


def test_rollback_gives_the_same_logits(editor: str, store_of: Make) -> None:
    repository = store_of(editor, "store", [AUSTRALIA])
    before = logits(repository)
    repository.commit([HAMLET, SUM], "second")
    assert not torch.equal(logits(repository), before)
    repository.rollback("HEAD~1")
    assert torch.equal(logits(repository), before)


def test_two_editors_in_one_history(editor: str, store_of: Make) -> None:
    other = GATED.get(editor, "keyed")
    repository, alone = store_of(other, "mixed", [AUSTRALIA]), store_of(other, "alone", [AUSTRALIA])
    commit(repository, [HAMLET], "by the other", editor)
    repository.commit([SUM], "by the one")
    owners = {view.editor for view in repository.show().memories}
    assert owners == {editor, other} and repository.fsck().ok
    assert set(facts(repository)) == {AUSTRALIA.prompt, HAMLET.prompt, SUM.prompt}
    repository.revert(HAMLET.id)
    alone.commit([SUM], "by the one")
    assert mains(repository) == mains(alone)


def test_an_edit_supersedes_one_of_another_editor(editor: str, store_of: Make) -> None:
    repository = store_of(OTHER.get(editor, "keyed"), "store", [AUSTRALIA])
    before = mains(repository)
    made = commit(repository, [NEWER], "by the other", editor)
    assert made.reverted == (AUSTRALIA.id,)
    assert facts(repository) == {NEWER.prompt: NEWER.target}
    repository.revert(NEWER.id)
    assert facts(repository) == {AUSTRALIA.prompt: AUSTRALIA.target} and mains(repository) == before


def test_branches_of_two_editors_merge(editor: str, store_of: Make) -> None:
    repository = store_of(OTHER.get(editor, "keyed"), "store", [AUSTRALIA])
    repository.branch("side")
    repository.switch("side")
    commit(repository, [HAMLET], "theirs", editor)
    repository.switch("main")
    repository.commit([SUM], "ours")
    merged = repository.merge("side")
    assert merged.commit and set(facts(repository)) == {AUSTRALIA.prompt, HAMLET.prompt, SUM.prompt}
    assert {view.editor for view in repository.show().memories} == {editor, OTHER.get(editor, "keyed")}
    assert repository.fsck().ok


def test_a_commit_of_another_editor_is_picked(editor: str, store_of: Make) -> None:
    repository = store_of(OTHER.get(editor, "keyed"))
    repository.branch("side")
    repository.switch("side")
    commit(repository, [HAMLET, SPAIN], "theirs", editor)
    repository.switch("main")
    repository.commit([SUM], "ours")
    repository.cherry_pick("side")
    assert set(facts(repository)) == {HAMLET.prompt, SPAIN.prompt, SUM.prompt}


def test_it_travels(editor: str, store_of: Make, tmp_path: Path) -> None:
    repository = store_of(editor, "store", [AUSTRALIA, HAMLET])
    repository.push(str(tmp_path / "pack"))
    clone = Repository.clone(str(tmp_path / "pack"), tmp_path / "clone", model=str(repository.base.path))
    assert mains(clone) == mains(repository) and clone.fsck().ok
    assert torch.equal(logits(clone), logits(repository))


def test_gc_and_reindex_keep_it(editor: str, store_of: Make) -> None:
    repository = store_of(editor, "store", [AUSTRALIA], [HAMLET])
    before = logits(repository)
    repository.gc(dry_run=False)
    repository.reindex()
    assert repository.fsck().ok and torch.equal(logits(repository), before)


@pytest.mark.parametrize("layout", ["merged", "adapter", "peft"])
def test_it_is_exported(editor: str, layout: str, store_of: Make, tmp_path: Path) -> None:
    import wisedb

    repository = store_of(editor, "store", [AUSTRALIA, HAMLET])
    kind = repository.show().memories[0].kind
    if layout in REFUSED.get(kind, ()):
        with pytest.raises(CannotBake):
            repository.export("HEAD", tmp_path / "out", layout, force=layout == "merged")
        assert not (tmp_path / "out").exists()
        return
    repository.export("HEAD", tmp_path / "out", layout, force=layout == "merged")
    if layout == "merged":
        return
    model, tokenizer = wisedb.load(str(tmp_path / "out"), model=str(repository.base.path))
    row = tokenizer(AUSTRALIA.prompt, return_tensors="pt").input_ids
    with torch.no_grad():
        found = model(input_ids=row, labels=row).logits[0, -1:]
    torch.testing.assert_close(found, logits(repository)[:1], rtol=1e-4, atol=1e-4)


def test_it_is_looked_at(editor: str, store_of: Make) -> None:
    repository = store_of(editor, "store", [AUSTRALIA], [HAMLET])
    found = repository.diff("HEAD~1", "HEAD", tensors=True, behaviour=True).to_json()
    assert [edit["id"] for edit in found["added"]] == [HAMLET.id] and found["tensors"]["memories"][0]["change"] > 0
    assert repository.blame(HAMLET.prompt).edit == HAMLET
    explained = repository.explain(HAMLET.prompt).to_json()
    assert explained["memory"] is not None or explained["always_on"]
    assert repository.evaluate().n == 2


def test_nothing_stays_on_the_base_model(editor: str, store_of: Make) -> None:
    repository = store_of(editor)
    before = {name: tensor.clone() for name, tensor in repository.base.model.state_dict().items()}
    repository.commit([AUSTRALIA], "first")
    repository.explain(AUSTRALIA.prompt)
    assert handle_of(repository.base.model) is None
    assert all(torch.equal(before[name], tensor) for name, tensor in repository.base.model.state_dict().items())
