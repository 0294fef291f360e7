"""What is kept, what is made and what is multiplied; and that it doesn't change what comes out."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import cpu_offload, disk_offload, dispatch_model
from transformers import PreTrainedModel

from tests.memory.keyed import LEVEL, ROUTES, behind, keyed_memories
from tests.memory.sides import CLOSE, PROMPTS, batch, forward, greedy, with_threshold
from tests.models import tiny_model
from wisedb.memory.bank import Bank
from wisedb.memory.hooks import AttachedMemories, attach
from wisedb.memory.kinds.additive import DenseDelta
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.memory.routing_context import RoutingContext

NEVER = 1e9
ROUTERS = ("activation", "keys", "both")


def beside(model: PreTrainedModel, router: str, quiet: tuple[int, ...] = (), **options: Any) -> AttachedMemories:
    """The keyed memories behind such gates, of which some are never excited enough."""
    memories = behind(keyed_memories(model), router, dict.fromkeys(quiet, NEVER))
    return attach(model, memories, key_threshold=LEVEL, **options)


def bank_of(handle: AttachedMemories) -> Bank:
    """That of the one module."""
    (site,) = handle._hooks.sites.values()
    return site.bank


def test_what_both_have_is_taken_over() -> None:
    model = tiny_model("llama")
    handle = beside(model, "keys")
    before = bank_of(handle)
    placed = [before.placed(number) for number in (0, 1)]
    other = replace(handle.memories[0], change=keyed_memories(model)[0].change)
    handle.set([other, with_threshold(handle.memories[1], 1.0)])
    assert bank_of(handle) is not before
    assert bank_of(handle).placed(0) is not placed[0]
    assert bank_of(handle).placed(1) is placed[1]


@pytest.mark.parametrize("router", ["keys", "both"])
def test_without_room_the_answers_are_the_same_and_a_matrix_is_made_once_an_answer(
    router: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, other = tiny_model("llama"), tiny_model("llama")
    beside(model, router)
    handle = beside(other, router, cache_bytes=0)
    made: list[str] = []
    names = {id(memory.change): memory.id for memory in handle.memories}
    dense = MaskedDelta.dense

    def told(change: MaskedDelta, *place: Any) -> torch.Tensor:
        made.append(names[id(change)])
        return dense(change, *place)

    monkeypatch.setattr(MaskedDelta, "dense", told)
    assert torch.equal(greedy(other, max_new_tokens=5), greedy(model, max_new_tokens=5))
    assert bank_of(handle).size == 0
    wanted = sorted({f"memory-{route}" for route in ROUTES if route >= 0})
    # The two together measure what the keys name before anybody holds it.
    assert sorted(made) == sorted(wanted * (2 if router == "both" else 1))
    assert torch.equal(forward(other, **batch(PROMPTS)), forward(model, **batch(PROMPTS)))


@pytest.mark.parametrize("router", ROUTERS)
def test_a_batch_that_no_memory_answers_asks_nothing_after_its_prompt(
    router: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_model("llama")
    handle = beside(model, router, quiet=(0, 1))
    asked: list[int] = []
    answer = RoutingContext.answer

    def told(context: RoutingContext, *given: Any) -> Any:
        asked.append(1)
        return answer(context, *given)

    monkeypatch.setattr(RoutingContext, "answer", told)
    got = greedy(model, PROMPTS[1:3], max_new_tokens=4)
    assert asked == [1]
    handle.detach()
    assert torch.equal(got, greedy(model, PROMPTS[1:3], max_new_tokens=4))


def test_both_measure_what_the_keys_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama")
    handle = beside(model, "both", quiet=(0,))
    asked: list[int] = []
    placed = [bank_of(handle).placed(number) for number in (0, 1)]
    product = DenseDelta.product

    def watched(self: DenseDelta, inputs: torch.Tensor) -> torch.Tensor:
        asked.append(next(number for number, one in enumerate(placed) if one is self))
        return product(self, inputs)

    monkeypatch.setattr(DenseDelta, "product", watched)
    greedy(model, [PROMPTS[1]], max_new_tokens=3)
    assert asked == []
    greedy(model, [PROMPTS[0]], max_new_tokens=3)
    # Named, measured, not excited enough.
    assert asked == [0]
    asked.clear()
    greedy(model, [PROMPTS[3]], max_new_tokens=3)
    assert asked == [1] * 4


@pytest.mark.parametrize("quiet", [(), (0,), (1,)])
def test_both_decide_alike_whether_or_not_somebody_records(quiet: tuple[int, ...]) -> None:
    """Recorded, every memory is measured; else those that are named, over A(x) that the cache carries."""
    model = tiny_model("llama")
    handle = beside(model, "both", quiet=quiet)
    inputs = batch(PROMPTS, "right")
    ids, mask = inputs["input_ids"], inputs["attention_mask"]
    whole = forward(model, input_ids=ids, attention_mask=mask)
    with handle.record() as record:
        torch.testing.assert_close(forward(model, input_ids=ids, attention_mask=mask), whole, **CLOSE)
    assert record.scores["activation"].shape == (len(PROMPTS), 2)
    expected = [-1 if route in quiet else route for route in ROUTES]
    held = dict(zip(PROMPTS, expected, strict=True))
    for prompt, route in held.items():
        with handle.record() as one:
            greedy(model, [prompt], max_new_tokens=1)
        assert one.routes.tolist() == [route]
    with torch.no_grad():
        for cuts in ((3, 5), (1, 2, 9)):
            cache, parts, edges = None, [], [0, *cuts, ids.shape[1]]
            for first, last in pairwise(edges):
                if last <= first:
                    continue
                output = model(
                    input_ids=ids[:, first:last], attention_mask=mask[:, :last], past_key_values=cache, use_cache=True
                )
                cache = copy.deepcopy(output.past_key_values)
                parts.append(output.logits)
            real = mask.bool()
            torch.testing.assert_close(torch.cat(parts, dim=1)[real], whole[real], **CLOSE)


@pytest.mark.parametrize("router", ROUTERS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_halves_keep_matrices_in_their_own_dtype(router: str, dtype: torch.dtype) -> None:
    model = tiny_model("llama").to(dtype)
    handle = beside(model, router)
    alone = [greedy(model, [prompt], max_new_tokens=3) for prompt in PROMPTS]
    placed = [bank_of(handle).placed(number) for number in (0, 1)]
    assert all(isinstance(one, DenseDelta) and one.matrix.dtype == dtype for one in placed)
    with handle.record() as record:
        greedy(model, max_new_tokens=3)
    if router != "activation":
        assert record.routes.tolist() == ROUTES
    assert all(torch.isfinite(forward(model, **batch(PROMPTS))[0]).flatten())
    for prompt, wanted in zip(PROMPTS, alone, strict=True):
        assert torch.equal(greedy(model, [prompt], max_new_tokens=3), wanted)


@pytest.mark.parametrize("router", ROUTERS)
@pytest.mark.parametrize("place", ["cpu", "disk", "mixed"])
def test_an_offloaded_model_answers_alike(router: str, place: str, tmp_path: Path) -> None:
    """Weights that stay elsewhere until their module runs, as a device map with "cpu" or "disk" has it."""
    model, plain = tiny_model("llama"), tiny_model("llama")
    cpu = torch.device("cpu")
    if place == "cpu":
        cpu_offload(model, execution_device=cpu)
    elif place == "disk":
        disk_offload(model, str(tmp_path), execution_device=cpu)
    else:
        places: dict[str, Any] = {"model.embed_tokens": "cpu", "model.rotary_emb": "cpu", "lm_head": "disk"}
        places |= {"model.norm": "cpu", **{f"model.layers.{n}": "disk" if n else "cpu" for n in range(3)}}
        model = dispatch_model(model, places, main_device="cpu", offload_dir=str(tmp_path), force_hooks=True)
    beside(plain, router)
    beside(model, router)
    torch.testing.assert_close(forward(model, **batch(PROMPTS)), forward(plain, **batch(PROMPTS)), **CLOSE)
    assert torch.equal(greedy(model), greedy(plain))


@pytest.mark.parametrize("router", ROUTERS)
def test_compiled_steps_say_the_same(router: str) -> None:
    torch._dynamo.reset()
    model = tiny_model("llama", num_hidden_layers=2)
    model.generation_config.eos_token_id = None
    beside(model, router, quiet=(1,))
    expected = greedy(model)
    inputs = batch(PROMPTS)
    logits = forward(model, **inputs, use_cache=False)
    model.forward = torch.compile(model.forward, backend="eager", fullgraph=True)
    try:
        assert torch.equal(greedy(model, cache_implementation="static"), expected)
        torch.testing.assert_close(forward(model, **inputs, use_cache=False), logits, **CLOSE)
    finally:
        torch._dynamo.reset()
