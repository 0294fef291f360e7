"""Find the FFN value projection W_v of a decoder-only model, by structure or by name (WISE §3: mid-to-late layers).

The rule: inside a decoder block, not in its attention, a matrix whose output is as wide as the block and whose input
is not. Gated and plain MLPs alike have exactly one. Where the FFN is as narrow as the model, the names that families
give to the projection decide.
"""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from wisedb.errors import UnsupportedModel

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_NAMES = ("down_proj", "c_proj", "fc2", "fc_out", "dense_4h_to_h", "wo", "w2")
_DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
# Parts of a block that mix tokens instead of working on each, by their names in the block and by their kinds.
_MIXING_NAME = re.compile(r"attn|attention|mamba|(^|_)(mixer|ssm|conv|recurrent|lru)")
_MIXING_KIND = re.compile(r"(Attention|Attn|Mixer|RecurrentBlock|DeltaNet|Conv)$")


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """The matrix that side memories stand beside.

    Attributes:
        name: its path in the model, such as ``"model.layers.27.mlp.down_proj"``.
        layer: the number of its block, from 0.
        layers: how many blocks there are.
        module: the ``nn.Linear`` or ``Conv1D`` itself.
        transposed: whether the module keeps W_v as (d_model, d_ff), as ``nn.Linear`` does.
        d_ff: the width of its input.
        d_model: the width of its output.
        block: the decoder block that holds it.
        blocks: all decoder blocks, in order.
    """

    name: str
    layer: int
    layers: int
    module: nn.Module
    transposed: bool
    d_ff: int
    d_model: int
    block: nn.Module
    blocks: nn.ModuleList


def default_layer(layers: int) -> int:
    """The paper's relative depth, 27 of 32 in LLaMA-2-7B, and never the last block where there are two."""
    return max(0, min(math.floor(27 / 32 * layers), layers - 2))


def weight_of(projection: Projection) -> torch.Tensor:
    """W_v as (d_ff, d_model): a view of the module's weight."""
    weight = projection.module.weight
    assert isinstance(weight, torch.Tensor)
    return weight.T if projection.transposed else weight


def locate(model: PreTrainedModel, target: str | None = None, layer: int | None = None) -> Projection:
    """Find the projection to edit.

    Args:
        model: a decoder-only transformers model, with or without a language-model head.
        target: the matrix's path in the model, or its path inside a block (``"mlp.down_proj"``).
        layer: the block, from 0; :func:`default_layer` if nothing is said.

    Raises:
        UnsupportedModel: encoder-decoder or quantised models, packed experts, no candidate or several, a target that
            isn't there or is no matrix. The message names what was found, the hint what to do.
    """
    if getattr(model.config, "is_encoder_decoder", False):
        raise UnsupportedModel(
            f"{type(model).__name__} has an encoder and a decoder", hint="Choose a decoder-only (causal) model."
        )
    prefix, blocks = _blocks(model)
    if target is not None and (found := _named(model, prefix, blocks, target, layer)):
        return found
    chosen = default_layer(len(blocks)) if layer is None else layer
    if not 0 <= chosen < len(blocks):
        raise UnsupportedModel(
            f"there is no layer {chosen}: {type(model).__name__} has {len(blocks)}",
            hint=f"Choose a layer from 0 to {len(blocks) - 1}.",
        )
    name = f"{prefix}.{chosen}"
    if target is not None:
        return _relative(model, prefix, blocks, target, chosen)
    _refuse_experts(blocks[chosen], name)
    inside = _by_structure(blocks[chosen], _width(model))
    if len(inside) != 1:
        raise _no_single(model, blocks[chosen], name, inside)
    return _projection(name, inside[0], chosen, blocks)


def _blocks(model: PreTrainedModel) -> tuple[str, nn.ModuleList]:
    """The path and the list of the decoder blocks: the outermost list as long as the model is deep."""
    depth = getattr(_text_config(model), "num_hidden_layers", None)
    decoder = model.get_decoder()
    lists = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == depth
    ]
    # The encoder of images or sound beside a decoder may have as many blocks.
    inside = {id(module) for module in decoder.modules()} if isinstance(decoder, nn.Module) else set()
    lists = [item for item in lists if id(item[1]) in inside] or lists
    if not lists:
        raise UnsupportedModel(
            f"{type(model).__name__} has no list of decoder blocks", hint="Choose a decoder-only transformer."
        )
    return min(lists, key=lambda item: item[0].count("."))


def _text_config(model: PreTrainedModel) -> Any:
    return model.config.get_text_config(decoder=True)


def _width(model: PreTrainedModel) -> int:
    return int(_text_config(model).hidden_size)


def _matrices(block: nn.Module) -> dict[str, nn.Module]:
    """Every editable matrix of the block outside its token mixers, by its path in the block."""
    mixers = _mixers(block)
    return {
        name: module
        for name, module in block.named_modules()
        if _weight_problem(module) is None and not _inside(name, mixers)
    }


def _mixers(block: nn.Module) -> set[str]:
    """The paths of the parts that mix tokens."""
    return {
        name
        for name, module in block.named_modules()
        if name and (_MIXING_NAME.search(name.rsplit(".", 1)[-1].lower()) or _MIXING_KIND.search(type(module).__name__))
    }


def _inside(name: str, parts: set[str]) -> bool:
    return any(name == part or name.startswith(f"{part}.") for part in parts)


def _by_structure(block: nn.Module, width: int) -> list[str]:
    matrices = _matrices(block)
    narrowing = [name for name, module in matrices.items() if _sizes(module)[1] == width != _sizes(module)[0]]
    if narrowing:
        return narrowing
    square = [name for name, module in matrices.items() if _sizes(module) == (width, width)]
    return [name for name in square if name.rsplit(".", 1)[-1] in _NAMES]


def _sizes(module: nn.Module) -> tuple[int, int]:
    """(d_ff, d_model) of a matrix."""
    if isinstance(module, nn.Linear):
        return module.in_features, module.out_features
    weight = module.weight
    assert isinstance(weight, torch.Tensor)
    return weight.shape[0], weight.shape[1]


def _weight_problem(module: nn.Module) -> str | None:
    weight = getattr(module, "weight", None)
    if not isinstance(module, nn.Linear | Conv1D):
        quantised = hasattr(module, "in_features") or hasattr(module, "qweight")
        return "is quantised" if quantised else f"is a {type(module).__name__}, no nn.Linear or Conv1D"
    if not isinstance(weight, torch.Tensor) or weight.dtype not in _DTYPES or hasattr(weight, "quant_state"):
        return "is quantised"
    return None


def _projection(block_name: str, inside: str, layer: int, blocks: nn.ModuleList) -> Projection:
    module = blocks[layer].get_submodule(inside)
    d_ff, d_model = _sizes(module)
    return Projection(
        name=f"{block_name}.{inside}",
        layer=layer,
        layers=len(blocks),
        module=module,
        transposed=isinstance(module, nn.Linear),
        d_ff=d_ff,
        d_model=d_model,
        block=blocks[layer],
        blocks=blocks,
    )


def _named(
    model: PreTrainedModel, prefix: str, blocks: nn.ModuleList, target: str, layer: int | None
) -> Projection | None:
    """The projection that a full path names, or None where the path is not one of this model."""
    modules = dict(model.named_modules())
    if target not in modules:
        return None
    number, _, inside = target.removeprefix(f"{prefix}.").partition(".")
    if not target.startswith(f"{prefix}.") or not inside:
        raise UnsupportedModel(
            f"'{target}' is not inside a decoder block", hint=f"Choose a matrix below {prefix}.0 … {len(blocks) - 1}."
        )
    if layer is not None and layer != int(number):
        raise UnsupportedModel(
            f"'{target}' is in layer {number}, not in layer {layer}",
            hint="Leave the layer out, or name another target.",
        )
    return _checked(prefix, inside, int(number), blocks)


def _relative(model: PreTrainedModel, prefix: str, blocks: nn.ModuleList, target: str, layer: int) -> Projection:
    inside = dict(blocks[layer].named_modules())
    if not target or target not in inside:
        known = [name for name, module in inside.items() if isinstance(module, nn.Linear | Conv1D)]
        near = difflib.get_close_matches(target, known, n=3, cutoff=0.3) or known[:3]
        full = [f"{prefix}.{layer}.{name}" for name in near]
        raise UnsupportedModel(
            f"{type(model).__name__} has no module '{target}'", hint=f"Nearest: {', '.join(full)}." if full else ""
        )
    return _checked(prefix, target, layer, blocks)


def _checked(prefix: str, inside: str, layer: int, blocks: nn.ModuleList) -> Projection:
    problem = _weight_problem(blocks[layer].get_submodule(inside))
    if problem:
        candidates = ", ".join(f"{prefix}.{layer}.{name}" for name in _matrices(blocks[layer]))
        raise UnsupportedModel(
            f"'{prefix}.{layer}.{inside}' {problem}",
            hint=f"Choose one of {candidates}." if candidates else "Load the model in float32, bfloat16 or float16.",
        )
    return _projection(f"{prefix}.{layer}", inside, layer, blocks)


def _refuse_experts(block: nn.Module, name: str) -> None:
    mixers = _mixers(block)
    packed = [
        path
        for path, parameter in block.named_parameters()
        if parameter.ndim == 3 and parameter.shape[0] > 1 and not _inside(path, mixers)
    ]
    if packed:
        raise UnsupportedModel(
            f"the experts of {name} are packed into one tensor ({packed[0]})",
            hint="Choose a layer or a model with a plain FFN, or name a plain matrix (such as a shared expert) with "
            "--target.",
        )


def _no_single(model: PreTrainedModel, block: nn.Module, name: str, inside: list[str]) -> UnsupportedModel:
    if inside:
        found = ", ".join(f"{name}.{path}" for path in inside)
        return UnsupportedModel(
            f"{name} has {len(inside)} matrices that could be the FFN value projection: {found}",
            hint="Name one of them with --target.",
        )
    quantised = getattr(model, "is_quantized", False) or any(
        _weight_problem(module) == "is quantised" for module in block.modules()
    )
    if quantised:
        return UnsupportedModel(
            f"{name} is quantised: its weights can't be edited", hint="Load the model in float32, bfloat16 or float16."
        )
    return UnsupportedModel(
        f"{name} has no matrix that could be the FFN value projection", hint="Name one with --target."
    )
