"""A shard is a pure function of (model, mask, settings, seed, batches of its effective stream), and it learns."""

from __future__ import annotations

import pytest
import torch

from tests.editors.keyed.fixtures import EDITS, context_of, mask_of, prepared, quick, trained_on
from wisedb.editors.common.subspace import Subspace
from wisedb.editors.keyed.train import train_stream
from wisedb.editors.streams import StreamItem
from wisedb.edits import Edit
from wisedb.errors import TrainingFailed
from wisedb.progress import Progress

ITEMS = tuple(StreamItem(edit) for edit in EDITS[:3])
PAIR = (ITEMS[0], *(StreamItem(item.edit, batch=1) for item in ITEMS[1:]))
NEWER = Edit(EDITS[0].prompt, "Paris")


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2"])
def test_one_call_gives_the_bits_of_many_calls(family: str) -> None:
    config = quick()
    once_base = prepared(family)
    mask = mask_of(once_base)
    once = train_stream(once_base, config, 7, mask, None, ITEMS)

    start = None
    for count in range(1, len(ITEMS) + 1):
        # A fresh base each time: nothing may ride along in a cache.
        stepwise = train_stream(prepared(family), config, 7, mask, start, ITEMS[:count])
        start = (stepwise.values, count)

    assert once.values.abs().max() > 0
    assert torch.equal(once.values, stepwise.values)


def test_going_on_behind_a_batch_gives_the_bits_of_one_call() -> None:
    config, mask = quick(), mask_of(prepared("llama"))
    once = train_stream(prepared("llama"), config, 7, mask, None, PAIR)
    first = train_stream(prepared("llama"), config, 7, mask, None, PAIR[:1])
    then = train_stream(prepared("llama"), config, 7, mask, (first.values, 1), PAIR)
    assert torch.equal(once.values, then.values) and not torch.equal(once.values, first.values)


def test_a_batch_is_not_begun_in_its_midst() -> None:
    base = prepared("llama")
    values = torch.zeros(int(mask_of(base).sum()))
    with pytest.raises(TrainingFailed, match="within a batch"):
        train_stream(base, quick(), 7, mask_of(base), (values, 2), PAIR)


def test_only_who_is_in_a_batch_counts_not_its_number() -> None:
    base = prepared("llama")
    mask = mask_of(base)
    renamed = tuple(StreamItem(item.edit, batch=place) for item, place in zip(PAIR, (3, 8, 8), strict=True))
    apart = tuple(StreamItem(item.edit, batch=place) for place, item in enumerate(PAIR))
    values = [train_stream(base, quick(), 7, mask, None, items).values for items in (PAIR, renamed, apart)]
    assert torch.equal(values[0], values[1]) and not torch.equal(values[0], values[2])


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_what_a_newer_edit_shadows_leaves_no_trace(family: str) -> None:
    base = prepared(family)
    mask = mask_of(base)
    config = quick()
    shadowing = (*PAIR[:2], StreamItem(NEWER, batch=2))
    with_shadowed = train_stream(base, config, 7, mask, None, shadowing)
    without = train_stream(base, config, 7, mask, None, shadowing[1:])
    assert torch.equal(with_shadowed.values, without.values)
    assert EDITS[0].id not in with_shadowed.outcomes


@pytest.mark.parametrize("what", ["seed", "mask", "order", "rehearsal"])
def test_what_counts_changes_the_result(what: str) -> None:
    base = prepared("llama")
    plain = train_stream(base, quick(), 7, mask_of(base), None, ITEMS)
    seed, mask, items, config = 7, mask_of(base), ITEMS, quick()
    match what:
        case "seed":
            seed = 8
        case "mask":
            mask = mask_of(base, 1)
        case "order":
            items = (ITEMS[1], ITEMS[0], ITEMS[2])
        case "rehearsal":
            config = quick(rehearsal=0)
    other = train_stream(base, config, seed, mask, None, items)
    assert other.values.shape != plain.values.shape or not torch.equal(other.values, plain.values)


def test_training_leaves_model_and_random_state_alone() -> None:
    base = prepared("llama")
    before = {name: value.clone() for name, value in base.model.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    train_stream(base, quick(), 7, mask_of(base), None, ITEMS)
    assert torch.equal(torch.rand(1), expected)
    after = base.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any(parameter.grad is not None for parameter in base.model.parameters())
    assert not any("forward" in module.__dict__ for module in base.model.modules())


def test_values_are_bounded_and_stored_in_their_dtype() -> None:
    base = prepared("llama")
    shard = train_stream(base, quick(max_delta=0.05), 7, mask_of(base), None, ITEMS)
    assert shard.values.dtype == torch.float16
    assert shard.values.shape == (int(mask_of(base).sum()),)
    assert 0 < shard.values.abs().max() <= torch.tensor(0.05, dtype=torch.float16)


@pytest.mark.parametrize("items", [ITEMS, PAIR])
def test_an_edit_is_learned(items: tuple[StreamItem, ...]) -> None:
    base = prepared("llama")
    mask = mask_of(base)
    shard = train_stream(base, quick(steps=200, max_delta=5.0, contexts=1), 7, mask, None, items)
    assert [outcome.learned for outcome in shard.outcomes.values()] == [True, True, True]
    delta = Subspace(mask, base.device).delta(shard.values.float())
    for item in items:
        own = trained_on(base, item.edit)[0]
        hidden = None if own.hidden is None else own.hidden[None]
        columns = torch.arange(own.prompt - 1, len(own.ids) - 1)
        at = (torch.zeros_like(columns), columns)
        logits = base.forward.logits(own.ids[None], hidden, (own.features @ delta)[None], at)
        assert logits.argmax(-1).tolist() == own.ids[own.prompt :].tolist()


def test_an_empty_stream_holds_nothing() -> None:
    base = prepared("llama")
    shard = train_stream(base, quick(), 7, mask_of(base), None, ())
    assert not shard.values.any()
    assert not shard.outcomes


def test_progress_is_told_after_each_batch() -> None:
    base = prepared("gpt2")
    seen: list[Progress] = []
    train_stream(base, quick(), 7, mask_of(base), None, ITEMS, seen.append)
    assert sorted({(report.phase, report.done, report.total) for report in seen} - {("training", 0, 3)}) == [
        ("training", 1, 3),
        ("training", 2, 3),
        ("training", 3, 3),
    ]


def test_progress_is_told_within_a_batch_and_never_goes_back() -> None:
    base = prepared("gpt2")
    seen: list[Progress] = []
    train_stream(base, quick(steps=40, learning_rate=1e-6), 7, mask_of(base), None, PAIR, seen.append)
    done = [report.done for report in seen]
    assert done == sorted(done) and done[-1] == 3 and len(done) > 4
    assert all(report.total == 3 for report in seen)


def test_a_loss_that_is_no_number_is_refused() -> None:
    base = prepared("llama")
    with torch.no_grad():
        next(iter(base.model.get_output_embeddings().parameters())).fill_(float("nan"))
    with pytest.raises(TrainingFailed, match="not a number"):
        train_stream(base, quick(), 7, mask_of(base), None, ITEMS)


def test_a_state_that_does_not_fit_is_refused() -> None:
    base = prepared("llama")
    with pytest.raises(TrainingFailed, match="can't be continued"):
        train_stream(base, quick(), 7, mask_of(base), (torch.zeros(3), 1), ITEMS)


def test_half_precision_models_train() -> None:
    base = prepared("llama")
    base.model.to(torch.bfloat16)
    half = context_of(base.model)
    shard = train_stream(half, quick(), 7, mask_of(half), None, ITEMS)
    assert shard.values.dtype == torch.bfloat16
    assert shard.values.abs().max() > 0
