"""What a checkpoint without gates holds says the edits, and leaves the model's own text nearer to what it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from tests.stores import AUSTRALIA, HAMLET, SPAIN, SUM
from wisedb.editors.keyed import always_on, editor
from wisedb.model.locate import locate, weight_of
from wisedb.progress import Progress
from wisedb.repository import Repository

EDITS = [AUSTRALIA, HAMLET, SUM, SPAIN]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few texts and steps that it takes a second."""
    for name, value in (("_TEXTS", 128), ("_TEXTS_A_STEP", 32), ("_ROUNDS", 3.0)):
        monkeypatch.setattr(always_on, name, value)


@pytest.mark.usefixtures("few")
def test_it_says_the_edits_and_keeps_more_than_the_merge(
    new_repository: Callable[..., Repository], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = new_repository("fitted", fit_merge=True, steps=60)
    repository.commit(EDITS, "four")
    heard: list[Progress] = []
    fitted = repository.export("HEAD", tmp_path / "out", "merged", force=True, progress=heard.append)
    told = [item.done for item in heard if item.phase == "merging"]
    assert told == sorted(told) and heard[-1].phase == "measuring"
    with monkeypatch.context() as patch:
        # Another process finds it remembered.
        patch.setattr(editor, "fit_always_on", lambda *_: pytest.fail("fitted again"))
        again = repository.export("HEAD", tmp_path / "again", "merged", force=True)
    plain = new_repository("plain", steps=60)
    plain.commit(EDITS, "four")
    merged = plain.export("HEAD", tmp_path / "merge", "merged", force=True)
    assert fitted.cost is not None and merged.cost is not None and fitted.cost == again.cost
    assert fitted.cost.reliability is not None and fitted.cost.reliability > 0.9
    models = [AutoModelForCausalLM.from_pretrained(made.path).eval() for made in (fitted, again, merged)]
    own, once_more, _ = (weight_of(locate(model, str(repository.store.config.editor.target))) for model in models)
    assert torch.equal(own, once_more)
    kept = [_strayed(repository, model) for model in models]
    assert kept[0] < kept[2] / 2


@torch.no_grad()
def _strayed(repository: Repository, model: PreTrainedModel) -> float:
    """KL(base ‖ model) over prompts that no training saw, nats a token."""
    pool = repository.store.objects.meta(str(repository.store.config.editor.pool))[1]
    found = []
    for prompt in pool["held_out"]:
        ids = repository.base.tokenizer(prompt, return_tensors="pt")["input_ids"]
        before, after = (each(input_ids=ids).logits[0].log_softmax(-1) for each in (repository.base.model, model))
        found.append(float((before.exp() * (before - after)).sum(-1).mean()))
    return sum(found) / len(found)
