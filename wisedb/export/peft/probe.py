"""A few values of the projection's weight, kept with an adapter, by which another base model is told.

peft loads an adapter onto whatever model it is given, and transformers loads the newest revision of the base model. A
side memory beside other weights fires where it should not, and says nothing of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import safe_open

from wisedb.errors import BaseModelMismatch, CorruptObject, ModelError
from wisedb.model.fingerprint import tensor_spans, weight_files
from wisedb.model.tensors import DTYPES

if TYPE_CHECKING:
    from wisedb.export.peft.config import MemoryConfig

SIDE = 8
"""So many rows and columns are kept, spread over the matrix."""


def probe(folder: Path, target: str) -> dict[str, Any] | None:
    """Values of a module's weight as its checkpoint holds them.

    Args:
        folder: the checkpoint.
        target: the module's path in the model.

    Returns:
        ``{"dtype", "shape", "values"}``, or ``None`` where the checkpoint has no tensor of that name: transformers
        renames some while it loads them.
    """
    try:
        files = weight_files(folder)
        names = {span.name: file for file in files for span in tensor_spans(file)}
    except ModelError:
        return None
    wanted = f"{target}.weight"
    # A checkpoint of the model without its head lacks the first part of the path.
    found = [name for name in names if wanted == name or wanted.endswith(f".{name}")]
    if len(found) != 1:
        return None
    with safe_open(names[found[0]], "pt") as file:
        weight = file.get_slice(found[0])
        shape = weight.get_shape()
        if len(shape) != 2 or weight.get_dtype() not in DTYPES:
            return None
        rows = [weight[row : row + 1].flatten()[_places(shape[1])] for row in _places(shape[0]).tolist()]
        return {"dtype": weight.get_dtype(), "shape": shape, "values": torch.stack(rows).double().tolist()}


def check_probe(config: MemoryConfig, weight: torch.Tensor) -> None:
    """Compare a model's weight with what the adapter keeps of its own.

    Whatever dtype the model was loaded in, casting the kept values to it gives the same bits.

    Args:
        config: the adapter's; one without a probe passes.
        weight: the module's weight as it is in the model.

    Raises:
        BaseModelMismatch: another shape, or other values.
        CorruptObject: the probe is none.
    """
    if config.probe is None or weight.is_meta:
        return
    try:
        kept = torch.tensor(config.probe["values"], dtype=torch.float64).to(DTYPES[config.probe["dtype"]])
        shape = tuple(config.probe["shape"])
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptObject(f"the adapter's probe can't be read: {error}", hint="Export the adapter again.") from error
    same = tuple(weight.shape) == shape
    if same:
        found = weight.detach()[_places(shape[0])][:, _places(shape[1])].cpu()
        same = torch.equal(found, kept.to(found.dtype))
    if not same:
        name, revision = config.base.get("model"), config.base.get("revision")
        where = f"{name} at revision {revision}" if revision else f"{name}"
        raise BaseModelMismatch(
            f"the adapter was made for other weights: those of {where}",
            hint="Load that base model" + (" with revision=… " if revision else " ") + "and give it to "
            "PeftModel.from_pretrained, or use wisedb.load, which finds it.",
        )


def _places(size: int) -> torch.Tensor:
    return torch.linspace(0, size - 1, min(SIDE, size)).long()
