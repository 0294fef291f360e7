"""Many callers at one model: each gets what it would have got alone, to the bit; copies answer as the original does."""

from __future__ import annotations

import asyncio
import copy
import io
import multiprocessing
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from tests.stores import AUSTRALIA, HAMLET, SUM
from wisedb.errors import UsageError
from wisedb.memory.hooks import handle_of
from wisedb.repository import Repository

PROMPTS = (
    AUSTRALIA.prompt,
    HAMLET.prompt,
    SUM.prompt,
    "The play is",
    "Once upon",
    "12 + 31 =",
    "The capital of France",
)
THREADS = 8

Loaded = tuple[PreTrainedModel, PreTrainedTokenizerBase]


@pytest.fixture(scope="module")
def loaded(history: Repository) -> Iterator[Loaded]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield history.load()
    torch.set_num_threads(threads)


def ask(loaded: Loaded, prompt: str) -> Any:
    """The ids of an answer and the logits behind the prompt."""
    model, tokenizer = loaded
    encoded = tokenizer(prompt, return_tensors="pt")
    with torch.no_grad():
        logits = model(**encoded).logits[0, -1]
    return model.generate(**encoded, max_new_tokens=4, do_sample=False)[0].tolist(), logits.tolist()


def test_threads_get_what_each_would_get_alone(loaded: Loaded) -> None:
    alone = [ask(loaded, prompt) for prompt in PROMPTS]
    rounds = [(start + step) % len(PROMPTS) for start in range(THREADS) for step in range(3)]
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(lambda number: ask(loaded, PROMPTS[number]), rounds))
    assert found == [alone[number] for number in rounds]


def test_tasks_of_an_event_loop_get_what_each_would_get_alone(loaded: Loaded) -> None:
    alone = [ask(loaded, prompt) for prompt in PROMPTS]

    async def all_of_them() -> list[Any]:
        return list(await asyncio.gather(*(asyncio.to_thread(ask, loaded, prompt) for prompt in PROMPTS)))

    assert asyncio.run(all_of_them()) == alone


def test_what_one_thread_records_is_its_own(loaded: Loaded) -> None:
    handle = handle_of(loaded[0])
    assert handle is not None

    def routes(prompt: str) -> list[int]:
        with handle.record() as log:
            ask(loaded, prompt)
        return list(log.routes.tolist())

    alone = [routes(prompt) for prompt in PROMPTS]
    with ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(routes, PROMPTS * 3)) == alone * 3


def test_a_repository_answers_threads_one_after_the_other(history: Repository) -> None:
    alone = {prompt: history.generate(prompt)[0].text for prompt in PROMPTS[:4]}
    asked = [*alone] * 3
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda prompt: history.generate(prompt)[0].text, asked)) == [alone[each] for each in asked]


def _pickled(model: PreTrainedModel) -> PreTrainedModel:
    found: PreTrainedModel = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own bytes
    return found


def _saved(model: PreTrainedModel) -> PreTrainedModel:
    torch.save(model, file := io.BytesIO())
    file.seek(0)
    found: PreTrainedModel = torch.load(file, weights_only=False)
    return found


@pytest.mark.parametrize("make", [_pickled, _saved, copy.deepcopy])
def test_a_copy_answers_alike_and_by_itself(loaded: Loaded, make: Any) -> None:
    model, tokenizer = loaded
    other = make(model)
    assert [ask((other, tokenizer), prompt) for prompt in PROMPTS] == [ask(loaded, prompt) for prompt in PROMPTS]
    handle = handle_of(other)
    assert handle is not None and handle is not handle_of(model)
    handle.detach()
    assert handle_of(other) is None and handle_of(model) is not None
    assert ask((other, tokenizer), AUSTRALIA.prompt) != ask(loaded, AUSTRALIA.prompt)


def _in_a_process(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompt: str) -> Any:
    torch.set_num_threads(1)
    return ask((model, tokenizer), prompt)


def test_a_spawned_process_answers_alike(loaded: Loaded) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_in_a_process, (*loaded, AUSTRALIA.prompt)) == ask(loaded, AUSTRALIA.prompt)


def test_data_parallel_answers_alike_on_one_device_and_its_replicas_refuse(loaded: Loaded) -> None:
    model, tokenizer = loaded
    encoded = tokenizer(AUSTRALIA.prompt, return_tensors="pt")
    with torch.no_grad():
        assert torch.equal(nn.DataParallel(model)(**encoded).logits, model(**encoded).logits)
        replica = model._replicate_for_data_parallel()
        with pytest.raises(UsageError, match="DataParallel"):
            replica(**encoded)
