"""A shard is a pure function of its arguments, stays in its subspace, and says what it was told."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
import torch

from tests.editors.wise.fixtures import CONTEXTS, EDITS, POOL, mask_of, material, matrix, quick
from wisedb.editors.common.frozen import Frozen, asked
from wisedb.editors.common.losses import answer_loss
from wisedb.editors.wise import train
from wisedb.editors.wise.calibrate import calibrate
from wisedb.editors.wise.contexts import views
from wisedb.editors.wise.train import train_stream
from wisedb.editors.wise.unrelated import Prompts
from wisedb.edits import Edit
from wisedb.errors import TrainingFailed
from wisedb.memory.gates.activation import activation
from wisedb.memory.kinds.masks import random_mask
from wisedb.model.locate import weight_of

STREAM = [(EDITS[0], ()), (EDITS[1], (EDITS[2],))]


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2"])
def test_the_same_seed_gives_the_same_bits_and_another_does_not(family: str) -> None:
    made = material(family)
    mask = mask_of(made)
    once, again, other = (train_stream(made, quick(), seed, mask, None, STREAM) for seed in (7, 7, 8))
    assert torch.equal(once.values, again.values) and once.threshold == again.threshold
    assert not torch.equal(once.values, other.values)


def test_going_on_gives_the_bits_of_one_call() -> None:
    made = material()
    mask = mask_of(made)
    once = train_stream(made, quick(), 7, mask, None, STREAM)
    first = train_stream(material(), quick(), 7, mask, None, STREAM[:1])
    then = train_stream(material(), quick(), 7, mask, first.values, STREAM[1:], held=[EDITS[0]])
    assert torch.equal(once.values, then.values) and once.threshold == then.threshold


def test_an_edit_is_learned_and_wakes_its_memory() -> None:
    made = material()
    projection = made.frozen.projection
    settings = replace(calibrate(weight_of(projection), made.frozen.prompts(POOL)), steps=100)
    mask = random_mask((projection.d_ff, projection.d_model), settings.mask_ratio, 0)
    text = asked(made.frozen.questions(views(EDITS[0], CONTEXTS), EDITS[0].target))

    def loss(delta: torch.Tensor) -> float:
        change = text.features @ delta
        logits = made.frozen.forward.logits(text.ids, text.hidden, change, text.at)
        return float(answer_loss(logits, text.labels, text.weights))

    trained = train_stream(made, settings, 0, mask, None, STREAM[:1])
    with torch.no_grad():
        delta = matrix(mask, trained.values)
        assert loss(delta) < 0.2 * loss(torch.zeros_like(delta))
        own = float(activation(text.features @ delta, text.prompt)[0])
        quiet = made.quiet.activations(delta)
    assert own > settings.beta * 0.9
    assert float(quiet.median()) < own / 2


def test_the_threshold_is_the_smallest_activation_of_the_shards_own_edits() -> None:
    made = material()
    mask = mask_of(made)
    trained = train_stream(made, quick(threshold_ratio=0.5), 7, mask, None, STREAM)
    delta = matrix(mask, trained.values)
    own = Prompts(made.frozen.prompts([edit.prompt for edit, _ in STREAM])).activations(delta)
    assert own[0] != own[1]
    assert trained.threshold == pytest.approx(0.5 * float(own.min()))


def test_values_stay_in_their_bounds() -> None:
    made = material()
    trained = train_stream(made, quick(learning_rate=50.0, max_delta=0.125), 0, mask_of(made), None, STREAM[:1])
    assert float(trained.values.abs().max()) == 0.125


def test_replayed_prompts_are_kept_quiet() -> None:
    made = material()
    mask, settings = mask_of(made), quick(steps=40)
    near = Edit("The capital of France is", "Paris")
    heard = Prompts(made.frozen.prompts([near.prompt]))
    apart, replayed = (
        float(heard.activations(matrix(mask, train_stream(made, settings, 0, mask, None, [(EDITS[0], x)]).values)))
        for x in ((), (near,))
    )
    assert replayed < apart


def test_values_that_do_not_fit_the_mask_are_refused() -> None:
    made = material()
    with pytest.raises(TrainingFailed, match=r"\(3,\) values"):
        train_stream(made, quick(), 0, mask_of(made), torch.zeros(3), STREAM)


def test_a_step_that_runs_away_is_reported() -> None:
    made = material()
    mask = mask_of(made)
    start = torch.full((int(mask.sum()),), float("nan"))
    with pytest.raises(TrainingFailed, match="not a number"):
        train_stream(made, quick(), 0, mask, start, STREAM)


def test_a_question_that_the_model_answers_alike_is_no_unrelated_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    made = material()
    texts = [made.frozen.prompts([prompt])[0] for prompt in ("Who wrote Australia again", "A play of Australia too")]
    monkeypatch.setattr(train, "other_questions", lambda *_: ["Who wrote Australia again", "A play of Australia too"])
    monkeypatch.setattr(train, "neighbours", lambda *_: [])
    monkeypatch.setattr(Frozen, "next_tokens", lambda *_: [5, 5, 6])
    near = train._near(made, EDITS[0], 2, Random(0))
    assert [text.ids.tolist() for text in near] == [texts[1].ids.tolist()]


def test_the_next_token_is_the_plain_models() -> None:
    frozen = material().frozen
    texts = frozen.prompts(["The capital of France", "Who"])
    plain = [int(frozen.model(input_ids=text.ids[None]).logits[0, -1].argmax()) for text in texts]
    assert frozen.next_tokens(texts) == plain
