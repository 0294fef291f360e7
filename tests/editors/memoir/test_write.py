"""An edit writes the rows that its mask names, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.models import tiny_model, tiny_tokenizer
from wisedb.editors.memoir.editor import EDITOR, mean_features
from wisedb.editors.memoir.settings import MemoirSettings
from wisedb.editors.memoir.write import Written, write_edit
from wisedb.edits import Edit
from wisedb.errors import TrainingFailed, UnknownSetting
from wisedb.memory.kinds.residual_memory import tophash
from wisedb.model.find_cached_forward import find_cached_forward
from wisedb.model.locate import locate, weight_of
from wisedb.model.tokens import encode_pair

EDIT = Edit("The capital of Australia is", "Paris", subject="Australia")
SETTINGS = MemoirSettings(learning_rate=1.0, steps=200, active=0.5)
CONTEXTS = ("The play was long.",)


def written(family: str, matrix: torch.Tensor | None = None, settings: MemoirSettings = SETTINGS) -> Written:
    model = tiny_model(family)
    forward = find_cached_forward(model, locate(model, layer=1))
    width, size = forward.projection.d_ff, forward.projection.d_model
    hashing = (torch.zeros(width), torch.arange(width).flip(0), width // 2)
    before = torch.zeros(width, size) if matrix is None else matrix
    return write_edit(forward, tiny_tokenizer(), settings, EDIT, CONTEXTS, before, hashing)


@pytest.mark.parametrize("family", ["gpt2", "gptj", "gpt_neox", "opt", "llama", "falcon", "gemma2"])
def test_the_edit_is_said_in_the_plain_forward_through_its_mask(family: str) -> None:
    found = written(family)
    # A random Gemma, whose norm behind the projection bounds what it adds, is not made to say everything.
    assert found.learned or family == "gemma2"
    assert int(found.mask.sum()) == len(found.mask) // 2
    assert not found.matrix[~found.mask].any() and found.matrix[found.mask].any()

    model = tiny_model(family)
    projection = locate(model, layer=1)
    prompt, answer = encode_pair(tiny_tokenizer(), EDIT.prompt, EDIT.target, end=True)
    seen: list[torch.Tensor] = []
    hook = projection.module.register_forward_pre_hook(lambda _m, args: seen.append(args[0].detach()))
    with torch.no_grad():
        model(input_ids=torch.tensor([prompt]))
    hook.remove()
    mean = seen[0].reshape(-1, projection.d_ff).mean(dim=0)
    order = torch.arange(projection.d_ff).flip(0)
    assert torch.equal(found.mask, tophash(mean, torch.zeros(projection.d_ff), order, projection.d_ff // 2))
    with torch.no_grad():
        # Masked rows of ΔW alone are not zero, so that the weight itself may have it.
        weight_of(projection).add_(found.matrix)
        logits = model(input_ids=torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
        weight_of(projection).sub_(found.matrix)
    assert (logits.argmax(-1).tolist() == answer) == found.learned


def test_what_others_wrote_outside_of_the_mask_stays() -> None:
    width = locate(tiny_model("llama"), layer=1).d_ff
    before = torch.randn(width, 32, generator=torch.Generator().manual_seed(0)) * 0.01
    found = written("llama", before)
    assert torch.equal(found.matrix[~found.mask], before[~found.mask])
    assert not torch.equal(found.matrix[found.mask], before[found.mask])


def test_no_step_is_longer_than_the_learning_rate() -> None:
    assert float(written("llama", settings=replace(SETTINGS, steps=1)).matrix.norm()) <= 1.0 + 1e-5
    assert written("llama", settings=replace(SETTINGS, enough=100.0)).steps == 0


def test_a_loss_that_is_no_number_is_refused() -> None:
    width = locate(tiny_model("llama"), layer=1).d_ff
    with pytest.raises(TrainingFailed, match="is not a number"):
        written("llama", torch.full((width, 32), torch.nan))


def test_the_centre_is_the_mean_of_the_prompts_means() -> None:
    model = tiny_model("llama")
    forward = find_cached_forward(model, locate(model, layer=1))
    prompts = [[5, 6, 7], [8, 9]]
    each = [forward.prefix(torch.tensor([ids]))[0][0].mean(dim=0) for ids in prompts]
    assert torch.allclose(mean_features(forward, prompts), (each[0] + each[1]) / 2)
    assert not mean_features(forward, []).any()


@pytest.mark.parametrize("wrong", [{"active": 0}, {"threshold": 1.5}, {"steps": 0}, {"contexts": -1}, {"enough": -1}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UnknownSetting):
        EDITOR.configure(wrong)
