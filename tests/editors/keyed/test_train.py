"""A shard is a pure function of (base, mask, config, seed, lessons of its effective stream), and it learns."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch

from tests.editors.keyed.fixtures import EDITS, mask_of, prepared, quick
from wisedb.editors.keyed.preconditioner import Change
from wisedb.editors.keyed.sampler import Course
from wisedb.editors.keyed.train import train_stream
from wisedb.editors.keyed.trainer import LessonWriter, Report
from wisedb.editors.keyed.write import Writer
from wisedb.editors.streams import StreamItem
from wisedb.edits import Edit
from wisedb.errors import TrainingFailed
from wisedb.progress import Progress

ITEMS = (
    StreamItem(EDITS[0]),
    StreamItem(EDITS[1], (EDITS[3],)),
    StreamItem(EDITS[2], (EDITS[3],)),
)
PAIR = (ITEMS[0], *(StreamItem(item.edit, item.companions, 1) for item in ITEMS[1:]))
NEWER = Edit(EDITS[0].prompt, "Paris")
WAYS: dict[str, dict[str, Any]] = {
    "one by one": {"lesson_size": 1},
    "lessons": {},
    "keys": {"router": "keys"},
    "plain": {"router": "keys", "whiten": False},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2"])
def test_one_call_gives_the_bits_of_many_calls(family: str, way: str) -> None:
    config = quick(**WAYS[way])
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
    assert once.threshold == stepwise.threshold
    measured = {"own", "pool"} if config.hinged else set()
    assert {key: once.statistics[key] for key in measured} == {key: stepwise.statistics[key] for key in measured}


@pytest.mark.parametrize("way", WAYS)
def test_going_on_behind_a_lesson_gives_the_bits_of_one_call(way: str) -> None:
    config, mask = quick(**WAYS[way]), mask_of(prepared("llama"))
    once = train_stream(prepared("llama"), config, 7, mask, None, PAIR)
    first = train_stream(prepared("llama"), config, 7, mask, None, PAIR[:1])
    then = train_stream(prepared("llama"), config, 7, mask, (first.values, 1), PAIR)
    assert torch.equal(once.values, then.values) and not torch.equal(once.values, first.values)


def test_a_lesson_is_not_begun_in_its_midst() -> None:
    base = prepared("llama")
    values = torch.zeros(int(mask_of(base).sum()))
    with pytest.raises(TrainingFailed, match="within a lesson"):
        train_stream(base, quick(), 7, mask_of(base), (values, 2), PAIR)


def test_only_who_is_in_a_lesson_counts_not_its_number() -> None:
    base = prepared("llama")
    mask = mask_of(base)
    renamed = tuple(StreamItem(item.edit, item.companions, place) for item, place in zip(PAIR, (3, 8, 8), strict=True))
    apart = tuple(StreamItem(item.edit, item.companions, place) for place, item in enumerate(PAIR))
    values = [train_stream(base, quick(), 7, mask, None, items).values for items in (PAIR, renamed, apart)]
    assert torch.equal(values[0], values[1]) and not torch.equal(values[0], values[2])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_what_a_newer_edit_shadows_leaves_no_trace(family: str, way: str) -> None:
    base = prepared(family)
    mask = mask_of(base)
    config = quick(**WAYS[way])
    shadowing = (*PAIR[:2], StreamItem(NEWER, (), 2))
    with_shadowed = train_stream(base, config, 7, mask, None, shadowing)
    without = train_stream(base, config, 7, mask, None, shadowing[1:])
    assert torch.equal(with_shadowed.values, without.values)
    assert with_shadowed.threshold == without.threshold
    assert EDITS[0].id not in with_shadowed.statistics["outcomes"]


@pytest.mark.parametrize("what", ["seed", "mask", "order", "replay", "rehearsal"])
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
        case "replay":
            items = (ITEMS[0], StreamItem(EDITS[1], (EDITS[2],)), ITEMS[2])
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


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_values_are_bounded_and_stored_in_their_dtype(optimizer: str) -> None:
    base = prepared("llama")
    shard = train_stream(base, quick(max_delta=0.05, optimizer=optimizer), 7, mask_of(base), None, ITEMS)
    assert shard.values.dtype == torch.float16
    assert shard.values.shape == (int(mask_of(base).sum()),)
    assert 0 < shard.values.abs().max() <= torch.tensor(0.05, dtype=torch.float16)


@pytest.mark.parametrize("way", WAYS)
def test_an_edit_is_learned(way: str) -> None:
    base = prepared("llama")
    # A model without knowledge can't answer one prompt and leave its like alone.
    easy = {"alpha": 50.0, "beta": 1.0, "gamma": 0.0, "keep": 0, "neighbours": 0}
    config = quick(steps=200, max_delta=5.0, contexts=1, variations=0, **easy, **WAYS[way])
    mask = mask_of(base)
    shard = train_stream(base, config, 7, mask, None, PAIR)
    assert [outcome["learned"] for outcome in shard.statistics["outcomes"].values()] == [True, True, True]
    writer = Writer(base, config, 7, mask)
    delta = writer.delta(shard.values.float())
    for item in ITEMS:
        row = writer.rows.edit(item.edit)[0]
        change = (row.features @ delta)[None]
        hidden = None if row.hidden is None else row.hidden[None]
        columns = torch.arange(row.prompt - 1, len(row.ids) - 1)
        logits = base.shortcut.logits(row.ids[None], hidden, change, (torch.zeros_like(columns), columns))
        assert logits.argmax(-1).tolist() == row.ids[row.prompt :].tolist()


def test_the_hinges_part_own_from_unrelated_prompts() -> None:
    base = prepared("llama")
    mask = mask_of(base)
    gaps = []
    for weight in (0.0, 1.0):
        config = quick(steps=60, routing_weight=weight, irrelevant=18)
        statistics = train_stream(base, config, 7, mask, None, ITEMS[:1]).statistics
        gaps.append(statistics["own"]["min"] / statistics["pool"]["mean"])
    assert gaps[1] > 1.3 * gaps[0]


def test_an_empty_stream_holds_nothing() -> None:
    base = prepared("llama")
    shard = train_stream(base, quick(), 7, mask_of(base), None, ())
    assert not shard.values.any()
    assert shard.threshold == 0.0


def test_statistics_are_json_and_progress_is_told() -> None:
    base = prepared("gpt2")
    seen: list[Progress] = []
    shard = train_stream(base, quick(lesson_size=1), 7, mask_of(base), None, ITEMS, seen.append)
    assert json.loads(json.dumps(shard.statistics, allow_nan=False)) == shard.statistics
    assert [(report.phase, report.done, report.total) for report in seen] == [
        ("training", 1, 3),
        ("training", 2, 3),
        ("training", 3, 3),
    ]


def test_progress_is_told_within_a_lesson_and_never_goes_back() -> None:
    base = prepared("gpt2")
    seen: list[Progress] = []
    train_stream(base, quick(steps=40, attempts=2, margin=50.0), 7, mask_of(base), None, PAIR, seen.append)
    done = [report.done for report in seen]
    assert done == sorted(done) and done[-1] == 3 and len(done) > 4
    assert all(report.total == 3 for report in seen)


def test_a_lesson_of_passages_takes_one_schedule_one_of_facts_several() -> None:
    base = prepared("llama")
    config = quick(router="keys", steps=3, passes=1, attempts=2, margin=50.0)
    for target, schedules in (("play", 2), ("play of France " * 30, 1)):
        items = [StreamItem(Edit(EDITS[0].prompt, target))]
        ((_, outcome),) = train_stream(base, config, 7, mask_of(base), None, items).statistics["outcomes"].items()
        assert outcome["steps"] == 3 * schedules


def test_a_lesson_gets_no_further_schedule_once_one_said_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    base = prepared("llama")
    unsaid: list[int] = []
    attempt = LessonWriter._attempt

    def attempted(self: LessonWriter, course: Course, change: Change, report: Report | None) -> Any:
        taken = attempt(self, course, change, report)
        looks = self._look(course.fresh, course.fresh.bare, change.delta().detach())
        unsaid.append(sum(not look.said for look in looks))
        return taken

    monkeypatch.setattr(LessonWriter, "_attempt", attempted)
    items = [StreamItem(edit, batch=1) for edit in EDITS]
    for rate in (0.02, 0.1):
        unsaid.clear()
        config = quick(router="keys", steps=5, passes=1, attempts=9, margin=50.0, learning_rate=rate)
        train_stream(base, config, 7, mask_of(base), None, items)
        assert 2 <= len(unsaid) < 9 and unsaid[-1] >= unsaid[-2] > 0
        assert all(later < earlier for earlier, later in pairwise(unsaid[:-1]))
    assert len(unsaid) > 2


def test_the_threshold_follows_its_rule() -> None:
    base = prepared("llama")
    shards = {
        rule: train_stream(base, quick(threshold_rule=rule, threshold_ratio=0.5), 7, mask_of(base), None, ITEMS)
        for rule in ("own", "pool", "middle")
    }
    own = shards["own"].statistics["own"]["min"]
    assert shards["own"].threshold == pytest.approx(0.5 * own, rel=1e-4)
    assert shards["middle"].threshold == pytest.approx(
        (shards["own"].threshold + shards["pool"].threshold) / 2, rel=1e-6
    )


def test_locality_prompts_are_trained_on_only_when_told_to() -> None:
    base = prepared("llama")
    local = Edit(EDITS[0].prompt, EDITS[0].target, locality=({"prompt": "Hamlet is a"},))  # type: ignore[arg-type]
    items = (StreamItem(local),)
    told = train_stream(base, quick(irrelevant_source="edits"), 7, mask_of(base), None, items)
    untold = train_stream(base, quick(), 7, mask_of(base), None, items)
    assert not torch.equal(told.values, untold.values)


@pytest.mark.parametrize("way", WAYS)
def test_a_loss_that_is_no_number_is_refused(way: str) -> None:
    base = prepared("llama")
    with torch.no_grad():
        next(iter(base.model.get_output_embeddings().parameters())).fill_(float("nan"))  # type: ignore[operator]
    with pytest.raises(TrainingFailed, match="not a number"):
        train_stream(base, quick(**WAYS[way]), 7, mask_of(base), None, ITEMS)


def test_a_state_that_does_not_fit_is_refused() -> None:
    base = prepared("llama")
    with pytest.raises(TrainingFailed, match="can't be continued"):
        train_stream(base, quick(), 7, mask_of(base), (torch.zeros(3), 1), ITEMS)


def test_half_precision_models_train() -> None:
    base = prepared("llama")
    base.model.to(torch.bfloat16)
    half = type(base).prepare(base.model, base.tokenizer, replace(base.projection), base.pool)
    shard = train_stream(half, quick(), 7, mask_of(half), None, ITEMS)
    assert shard.values.dtype == torch.bfloat16
    assert shard.values.abs().max() > 0
