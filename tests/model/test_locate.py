"""The FFN value projection is found by structure in every family, or refused with a reason."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers import BartConfig, BartForConditionalGeneration
from transformers.pytorch_utils import Conv1D

from tests.models import EXPERT_FAMILIES, FAMILIES, LAYERS, WIDTH, tiny_model
from wisedb.errors import UnsupportedModel
from wisedb.model.locate import default_layer, locate, weight_of

NAMES = ("down_proj", "c_proj", "fc2", "fc_out", "dense_4h_to_h")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_one(family: str) -> None:
    model = tiny_model(family)
    found = locate(model)
    assert found.name.endswith(NAMES)
    assert (found.layer, found.layers, len(found.blocks)) == (LAYERS - 2, LAYERS, LAYERS)
    assert model.get_submodule(found.name) is found.module
    assert found.blocks[found.layer] is found.block
    assert found.d_model == WIDTH
    assert found.d_ff > WIDTH
    assert found.transposed is isinstance(found.module, nn.Linear)


@pytest.mark.parametrize("family", ["llama", "gpt2", "falcon", "bloom"])
def test_weight_has_the_formula_s_orientation(family: str) -> None:
    model = tiny_model(family)
    found = locate(model)
    weight = weight_of(found)
    assert weight.shape == (found.d_ff, found.d_model)
    hidden = torch.randn(2, 5, found.d_ff)
    module = found.module
    bias = dict(module.named_parameters()).get("bias", torch.zeros(found.d_model))
    # Falcon and Bloom keep the bias inside the module as well; all of them compute A(x) · W_v + b.
    torch.testing.assert_close(module(hidden), hidden @ weight + bias)
    with torch.no_grad():
        weight[0, 0] += 1.0
    own = module.get_parameter("weight")
    original = own if isinstance(module, Conv1D) else own.T
    assert original[0, 0] == weight[0, 0]


def test_default_layer_is_that_of_the_paper() -> None:
    assert [default_layer(depth) for depth in (1, 2, 3, 4, 8, 12, 32)] == [0, 0, 1, 2, 6, 10, 27]


def test_a_base_model_without_a_head_works() -> None:
    model = tiny_model("llama")
    assert locate(model.model).name == "layers.1.mlp.down_proj"


@pytest.mark.parametrize("family", ["gpt_neox", "opt", "phi", "llama"])
def test_an_ffn_as_narrow_as_the_model_is_found_by_name(family: str) -> None:
    sizes = {"ffn_dim": WIDTH} if family == "opt" else {"intermediate_size": WIDTH}
    found = locate(tiny_model(family, **sizes))
    assert found.name.endswith(NAMES)
    assert found.d_ff == found.d_model == WIDTH


def test_a_layer_and_a_target_can_be_named() -> None:
    model = tiny_model("llama")
    assert locate(model, layer=2).name == "model.layers.2.mlp.down_proj"
    assert locate(model, "mlp.up_proj", 0).name == "model.layers.0.mlp.up_proj"
    full = locate(model, "model.layers.2.mlp.down_proj")
    assert (full.layer, full.name) == (2, "model.layers.2.mlp.down_proj")


@pytest.mark.parametrize(
    ("target", "layer", "message", "hint"),
    [
        ("model.layers.1.mlp.down_porj", None, "no module", "model.layers.1.mlp.down_proj"),
        ("mlp.down", 1, "no module", "mlp.down_proj"),
        ("model.layers.1.mlp", None, "no nn.Linear", "model.layers.1.mlp.down_proj"),
        ("lm_head", None, "not inside a decoder block", "model.layers.0"),
        ("model.layers.1", None, "not inside a decoder block", "model.layers.0"),
        ("model.layers.1.mlp.down_proj", 2, "in layer 1, not in layer 2", "Leave the layer out"),
        (None, 3, "no layer 3", "0 to 2"),
        (None, -1, "no layer -1", "0 to 2"),
    ],
)
def test_a_wrong_name_says_what_is_near(target: str | None, layer: int | None, message: str, hint: str) -> None:
    with pytest.raises(UnsupportedModel, match=message) as caught:
        locate(tiny_model("llama"), target, layer)
    assert hint in caught.value.hint


@pytest.mark.parametrize("family", EXPERT_FAMILIES)
def test_packed_experts_are_refused(family: str) -> None:
    with pytest.raises(UnsupportedModel, match=r"experts of model\.layers\.1 are packed") as caught:
        locate(tiny_model(family))
    assert "--target" in caught.value.hint


def test_several_candidates_are_named() -> None:
    model = tiny_model("llama")
    model.model.layers[1].mlp.second = nn.Linear(64, WIDTH)
    with pytest.raises(UnsupportedModel, match=r"2 matrices.*mlp\.down_proj.*mlp\.second") as caught:
        locate(model)
    assert "--target" in caught.value.hint
    assert locate(model, "mlp.second").d_ff == 64


def test_a_layer_without_any_is_refused() -> None:
    model = tiny_model("llama")
    model.model.layers[1].mlp = nn.Identity()
    with pytest.raises(UnsupportedModel, match="no matrix"):
        locate(model)


def test_encoder_decoder_models_are_refused() -> None:
    config = BartConfig(
        vocab_size=50, d_model=16, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=32, decoder_ffn_dim=32,
        encoder_attention_heads=2, decoder_attention_heads=2,
    )  # fmt: skip
    with pytest.raises(UnsupportedModel, match="an encoder and a decoder"):
        locate(BartForConditionalGeneration(config))


def test_quantised_weights_are_refused() -> None:
    model = tiny_model("llama")
    for block in model.model.layers:
        projection = block.mlp.down_proj
        projection.weight = nn.Parameter(projection.weight.to(torch.int8), requires_grad=False)
    with pytest.raises(UnsupportedModel, match="is quantised") as caught:
        locate(model)
    assert "float32" in caught.value.hint
    with pytest.raises(UnsupportedModel, match="is quantised"):
        locate(model, "mlp.down_proj")
