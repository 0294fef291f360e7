"""``generate`` holds the route of the prompt, however it goes about it, and scoring agrees with it."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
import torch
from transformers import GenerationConfig, PreTrainedModel, TextIteratorStreamer, pipeline

from tests.memory.sides import (
    CLOSE,
    NEW,
    PROMPTS,
    TOKENIZER,
    attached,
    batch,
    edited,
    forward,
    greedy,
    random_memories,
    routed_memories,
)
from tests.models import PAD, tiny_model
from wisedb.errors import UsageError
from wisedb.memory.hooks import AttachedMemories, attach, handle_of
from wisedb.memory.kinds.additive import DenseDelta
from wisedb.model.locate import locate

CHOSEN = ("llama", "gpt2", "gpt_neox", "bloom", "gemma2", "opt")


@pytest.fixture(params=CHOSEN)
def model(request: pytest.FixtureRequest) -> Iterator[PreTrainedModel]:
    model = tiny_model(request.param)
    # Untrained models end their answers at any time: these shall go on.
    model.generation_config.eos_token_id = None
    yield model
    if handle := handle_of(model):
        context = handle._context
        assert (context.call, context.now.generations, context.logs) == (None, (), ())


def test_the_answer_is_that_of_the_edited_weight(model: PreTrainedModel) -> None:
    handle, routes = attached(model)
    with handle.record() as record:
        answers = greedy(model)
    assert record.routes.tolist() == routes
    for row, route in enumerate(routes):
        with handle.oracle([route]):
            alone = greedy(model, [PROMPTS[row]])
        assert torch.equal(alone[0], answers[row])
        ids = torch.cat([TOKENIZER(PROMPTS[row], return_tensors="pt")["input_ids"][0], answers[row]])
        text = edited_ids(model, None if route < 0 else route, ids)
        assert text[-NEW - 1 : -1].argmax(dim=-1).tolist() == answers[row].tolist()
    others = {tuple(greedy(model, [PROMPTS[0]])[0].tolist())}
    for route in range(-1, 3):
        with handle.oracle([route]):
            others.add(tuple(greedy(model, [PROMPTS[0]])[0].tolist()))
    assert len(others) > 1


def edited_ids(model: PreTrainedModel, memory: int | None, ids: torch.Tensor) -> torch.Tensor:
    """The logits of the ids under the edited weight, as :func:`edited` gives them for a text."""
    handle = handle_of(model)
    assert handle is not None
    with handle.oracle([-1 if memory is None else memory]):
        return forward(model, input_ids=ids[None])[0]


def test_streaming_and_the_pipeline_say_the_same(model: PreTrainedModel) -> None:
    attached(model)
    for prompt in PROMPTS[:3]:
        wanted = TOKENIZER.decode(greedy(model, [prompt])[0])
        streamer = TextIteratorStreamer(TOKENIZER, skip_prompt=True)
        inputs = TOKENIZER(prompt, return_tensors="pt")
        thread = Thread(
            target=model.generate, kwargs={**inputs, "max_new_tokens": NEW, "do_sample": False, "streamer": streamer}
        )
        thread.start()
        assert "".join(streamer) == wanted
        thread.join()
    pipe = pipeline("text-generation", model=model, tokenizer=TOKENIZER, batch_size=2)
    config = GenerationConfig(max_new_tokens=NEW, do_sample=False, pad_token_id=PAD)
    said = pipe(PROMPTS[:4], generation_config=config, return_full_text=False)
    for row, prompt in zip(said, PROMPTS[:4], strict=True):
        answer = greedy(model, [prompt])[0]
        assert row[0]["generated_text"] == TOKENIZER.decode(answer, skip_special_tokens=True)


@pytest.mark.parametrize("way", ["lookup", "assistant"])
def test_speculation_does_not_look_at_its_candidates(model: PreTrainedModel, way: str) -> None:
    handle, _ = attached(model)
    options: dict[str, Any] = {"prompt_lookup_num_tokens": 3}
    if way == "assistant":
        options = {"assistant_model": tiny_model(model.config.model_type)}
    for prompt in (*PROMPTS[:2], "one two one two one two one two one"):
        with handle.record() as plain:
            answer = greedy(model, [prompt])
        with handle.record() as speculative:
            assert torch.equal(greedy(model, [prompt], **options), answer)
        assert speculative.routes.tolist() == plain.routes.tolist()
        torch.testing.assert_close(speculative.activations, plain.activations, **CLOSE)


def test_calls_do_not_disturb_each_other(model: PreTrainedModel) -> None:
    attached(model)
    alone = [greedy(model, [prompt]) for prompt in PROMPTS[:3]]
    logits = [forward(model, **batch([prompt])) for prompt in PROMPTS[:3]]
    for number in (2, 0, 1, 0, 2):
        assert torch.equal(greedy(model, [PROMPTS[number]]), alone[number])
        assert torch.equal(forward(model, **batch([PROMPTS[1]])), logits[1])


def test_steps_multiply_only_what_answers(model: PreTrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    handle, routes = attached(model)
    calls: list[int] = []
    (site,) = handle._hooks.sites.values()
    placed = [site.bank.placed(number) for number in range(len(handle.memories))]
    apply = DenseDelta.apply

    def watched(self: DenseDelta, *given: torch.Tensor) -> torch.Tensor:
        calls.append(next(number for number, one in enumerate(placed) if one is self))
        return apply(self, *given)

    # The first forward puts in what was multiplied in order to decide.
    monkeypatch.setattr(DenseDelta, "apply", watched)
    greedy(model, max_new_tokens=4)
    answering = sorted(set(routes) - {-1})
    assert calls == answering * 3
    calls.clear()
    greedy(model, [PROMPTS[routes.index(-1)]])
    assert calls == []


def test_ways_that_cannot_be_routed_are_refused() -> None:
    model = tiny_model("llama")
    handle = attach(model, random_memories(locate(model), 1))
    for options in ({"prefill_chunk_size": 2}, {"cache_implementation": "paged"}):
        with pytest.raises(UsageError) as caught:
            greedy(model, **options)
        assert next(iter(options)) in caught.value.hint
        with pytest.raises(UsageError):
            greedy(model, generation_config=GenerationConfig(max_new_tokens=2, **options))
    handle.set([])
    assert greedy(model, prefill_chunk_size=2).shape == (len(PROMPTS), NEW)


def test_an_own_generate_is_kept_and_put_back() -> None:
    model = tiny_model("llama")
    seen: list[int] = []

    def own(*args: Any, **kwargs: Any) -> Any:
        seen.append(1)
        return type(model).generate(model, *args, **kwargs)

    model.generate = own
    handle = attach(model, routed_memories(model))
    assert isinstance(handle, AttachedMemories)
    greedy(model)
    assert seen == [1]
    handle.detach()
    assert model.__dict__["generate"] is own


def test_the_definition_is_met_where_it_is_written_out() -> None:
    model = tiny_model("gpt2")
    handle, routes = attached(model)
    row = next(row for row, route in enumerate(routes) if route >= 0)
    model.generation_config.eos_token_id = None
    first = greedy(model, [PROMPTS[row]], max_new_tokens=1)
    assert int(edited(model, routes[row], [PROMPTS[row]])[0][-1].argmax()) == int(first)
    assert handle.memories
