"""What lies below a projection, and what it gives, equal those of the plain forward, whatever the family."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.models import FAMILIES, tiny_model
from wisedb.editors.common.lowered import lower
from wisedb.memory.kinds.additive import FactoredDelta
from wisedb.model.find_cached_forward import find_cached_forward
from wisedb.model.locate import locate


@pytest.mark.parametrize("family", FAMILIES)
def test_features_outputs_and_stream_are_those_of_the_forward(family: str) -> None:
    model = tiny_model(family)
    projection = locate(model, layer=1)
    forward = find_cached_forward(model, projection)
    ids = torch.tensor([[5, 6, 7, 8], [9, 10, 11, 12]])
    kept: dict[str, Any] = {}

    def keep(name: str) -> Any:
        def hook(_module: Any, _args: Any, output: Any) -> None:
            # A copy: Falcon adds to what the projection gave in place.
            kept[name] = (output if isinstance(output, torch.Tensor) else output[0]).reshape(2, 4, -1).clone()

        return hook

    hooks = [
        projection.module.register_forward_hook(keep("outputs")),
        projection.block.register_forward_hook(keep("stream")),
    ]
    with torch.no_grad():
        model(input_ids=ids)
    for hook in hooks:
        hook.remove()

    generator = torch.Generator().manual_seed(0)
    change = FactoredDelta(
        torch.randn(projection.d_ff, 1, generator=generator), torch.randn(1, projection.d_model, generator=generator)
    )
    plain, changed = lower(forward, ids), lower(forward, ids, change)

    for name in ("outputs", "stream"):
        scale = float(kept[name].abs().max())
        assert torch.allclose(getattr(plain, name), kept[name], rtol=1e-4, atol=1e-5 * scale), name
    assert torch.equal(plain.features, changed.features)
    assert torch.allclose(changed.outputs - plain.outputs, plain.features @ change.dense(), rtol=1e-3, atol=1e-2)
    assert not plain.earlier.any() and torch.allclose(changed.earlier, plain.features @ change.dense(), atol=1e-2)
    assert not projection.block._forward_hooks
