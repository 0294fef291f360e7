"""A batch of facts spread over layers: which keys and residuals the closed form is given, in a model of any family."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.models import tiny_model, tiny_tokenizer
from wisedb.editors.common.layered import compute_z, write_batch
from wisedb.editors.common.layered_settings import LayeredSettings
from wisedb.editors.common.layers import edited_layers, empty_delta, write_stream
from wisedb.editors.streams import StreamItem
from wisedb.edits import Edit
from wisedb.memory.kinds.additive import FactoredDelta
from wisedb.memory.kinds.low_rank_delta import LowRankDelta
from wisedb.model.base import LoadedBase
from wisedb.model.find_cached_forward import find_cached_forward
from wisedb.model.locate import locate, weight_of

_EDITS = (
    Edit("The capital of Australia is", "Paris", subject="Australia"),
    Edit("Who wrote the play Hamlet?", "France", subject="Hamlet"),
    Edit("The play is of Spain", "old", subject="Spain"),
)
_CONTEXTS = ("Paris is old.", "The play was long.")


def _least_change(module: str, held: FactoredDelta, keys: torch.Tensor, residuals: torch.Tensor) -> FactoredDelta:
    """K⁺R: the smallest change that gives each residual for its key."""
    left = torch.linalg.pinv(keys).T
    return held.beside(FactoredDelta(left.float(), residuals.float()))


@pytest.mark.parametrize("family", ["gpt2", "gptj", "opt", "llama", "falcon", "bloom"])
def test_layer_by_layer_the_stream_comes_to_z(family: str) -> None:
    model = tiny_model(family)
    layers = [locate(model, layer=layer) for layer in (0, 1)]
    forwards = [find_cached_forward(model, layer) for layer in layers]
    settings = LayeredSettings(steps=5, contexts=0, kl_factor=0.0)
    wanted = [compute_z(forwards[-1], tiny_tokenizer(), edit, (), settings)[0] for edit in _EDITS]
    empty = {each.name: FactoredDelta(torch.zeros(each.d_ff, 0), torch.zeros(0, each.d_model)) for each in layers}

    changes = write_batch(forwards, tiny_tokenizer(), _EDITS, (), settings, empty, _least_change)

    assert all(not change.rank for change in empty.values())
    streams: list[torch.Tensor] = []

    def keep(_module: Any, _args: Any, output: Any) -> None:
        streams.append((output if isinstance(output, torch.Tensor) else output[0])[0].clone())

    with ExitStack() as stack, torch.no_grad():
        for each in layers:
            weight_of(each).add_(changes[each.name].dense())
        stack.callback(layers[-1].block.register_forward_hook(keep).remove)
        for fact in wanted:
            at = int(fact.rows.lookup[0])
            model(input_ids=fact.rows.ids[:1])
            found = streams.pop()[at].double()
            # One key an edit and no other text in the way: the last layer closes what the ones below left open.
            assert torch.allclose(found, fact.z, rtol=1e-2, atol=1e-2 * float(fact.z.abs().max()))
        for each in layers:
            weight_of(each).sub_(changes[each.name].dense())


def test_keys_are_means_over_contexts_on_the_model_with_the_layers_below_changed() -> None:
    model = tiny_model("llama")
    layers = [locate(model, layer=layer) for layer in (0, 1)]
    forwards = [find_cached_forward(model, layer) for layer in layers]
    settings = LayeredSettings(steps=2)
    seen: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}

    def store(module: str, held: FactoredDelta, keys: torch.Tensor, residuals: torch.Tensor) -> FactoredDelta:
        seen[module] = (keys, residuals)
        return _least_change(module, held, keys, residuals)

    empty = {each.name: FactoredDelta(torch.zeros(each.d_ff, 0), torch.zeros(0, each.d_model)) for each in layers}
    changes = write_batch(forwards, tiny_tokenizer(), _EDITS, _CONTEXTS, settings, empty, store)
    fact, _ = compute_z(forwards[-1], tiny_tokenizer(), _EDITS[0], _CONTEXTS, settings)
    first, last = (seen[each.name] for each in layers)
    # At the lowest layer half of the way is left to the next one.
    below = forwards[-1].prefix(fact.rows.ids[:1])[1]
    assert below is not None
    stream = below[0, int(fact.rows.lookup[0])].double()
    assert torch.allclose(first[1][0], (fact.z - stream) / 2, rtol=1e-4, atol=1e-5)

    with torch.no_grad():
        weight_of(layers[0]).add_(changes[layers[0].name].dense())
        features, _ = forwards[-1].prefix(fact.rows.ids[:3])
        weight_of(layers[0]).sub_(changes[layers[0].name].dense())
    expected = features[torch.arange(3), fact.rows.lookup[:3]].double().mean(dim=0)
    assert torch.allclose(last[0][:, 0], expected, rtol=1e-3, atol=1e-5)
    unchanged, _ = forwards[-1].prefix(fact.rows.ids[:3])
    assert not torch.allclose(
        unchanged[torch.arange(3), fact.rows.lookup[:3]].double().mean(dim=0), expected, rtol=1e-3
    )


@pytest.mark.parametrize("batches", [(0, 0, 1), (None, None, None)])
def test_from_the_middle_the_fold_gives_the_same(batches: tuple[int | None, ...]) -> None:
    base = LoadedBase(tiny_model("llama"), tiny_tokenizer(), Path("model"), "model")
    settings = LayeredSettings(target="model.layers.1.mlp.down_proj", layers=2, steps=3)
    start = empty_delta(edited_layers(base, settings.target, settings.layers))
    stream = [StreamItem(edit, batch=batch) for edit, batch in zip(_EDITS, batches, strict=True)]

    def write(start: LowRankDelta, done: int, stream: list[StreamItem]) -> LowRankDelta:
        return write_stream(base, _CONTEXTS, settings, start, done, stream, _least_change)

    whole, middle = write(start, 0, stream), write(start, 0, stream[:2])
    found = write(middle, 2, stream)
    for module in whole.modules:
        assert torch.equal(found.left[module], whole.left[module])
        assert torch.equal(found.right[module], whole.right[module])
        assert whole.left[module].shape[1] == 3
