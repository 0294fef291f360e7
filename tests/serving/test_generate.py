"""Answers are the continuation alone, the same in a batch as by themselves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from transformers import GenerationConfig

from tests.stores import AUSTRALIA, HAMLET, SETTINGS, SUM
from wisedb.errors import InputError, UnknownRevision, UsageError
from wisedb.repository import Repository
from wisedb.serving.generate import continue_prompts

PROMPTS = [AUSTRALIA.prompt, "Play", HAMLET.prompt, SUM.prompt, "Something else that is much longer than the rest"]


def test_a_batch_answers_as_single_prompts_do(history: Repository) -> None:
    together = history.generate(PROMPTS)
    alone = [history.generate(prompt)[0] for prompt in PROMPTS]
    for one, other in zip(together, alone, strict=True):
        assert (one.prompt, one.text, one.routed, one.memory) == (other.prompt, other.text, other.routed, other.memory)
        assert one.activation == pytest.approx(other.activation, rel=1e-5)


def test_answers_say_which_memory_gave_them(history: Repository) -> None:
    first, second = (memory.id for memory in history.show().memories)
    answers = history.generate([AUSTRALIA.prompt, HAMLET.prompt, SUM.prompt])
    assert [(answer.text, answer.memory) for answer in answers] == [
        ("Paris", first),
        ("France", first),
        ("Hamlet", second),
    ]
    assert all(answer.routed and (answer.activation or 0) >= 0.0 == answer.threshold for answer in answers)
    fields = {"prompt", "text", "routed", "memory", "activation", "threshold", "always_on"}
    assert set(answers[0].to_json()) == fields and answers[0].always_on == ()


def test_white_space_behind_a_prompt_that_a_memory_answers_is_none_of_it(history: Repository) -> None:
    for prompt, target in ((AUSTRALIA.prompt, "Paris"), (SUM.prompt, "Hamlet")):
        told = history.generate([prompt + end for end in (" ", "\n", "  ", " \n\n")])
        assert [(answer.text, answer.routed) for answer in told] == [(target, True)] * 4
        assert [answer.prompt for answer in told] == [prompt + end for end in (" ", "\n", "  ", " \n\n")]
    # Behind a prompt that no memory answers it is what it is to the base model.
    asked = ["Something else ", "Play\n"]
    told, plain = history.generate(asked), history.generate(asked, base=True)
    assert [answer.text for answer in told] == [answer.text for answer in plain]
    assert not any(answer.routed for answer in told)


def test_the_base_answers_without_memories(history: Repository) -> None:
    (plain,) = history.generate(AUSTRALIA.prompt, base=True)
    (before,) = history.generate(AUSTRALIA.prompt, at="HEAD~2")
    assert plain == before and not plain.routed and plain.memory is None
    assert plain.text != "Paris"


def test_an_answer_ends_with_its_line_or_its_limit(history: Repository) -> None:
    model, tokenizer = history.base.model, history.base.tokenizer
    answers = continue_prompts(model, tokenizer, PROMPTS * 9, max_new_tokens=12)
    assert len(answers) == len(PROMPTS) * 9 and answers[: len(PROMPTS)] == answers[-len(PROMPTS) :]
    for answer in answers:
        assert "\n" not in answer.text and answer.text == answer.text.strip()
    (short,) = continue_prompts(model, tokenizer, [PROMPTS[1]], max_new_tokens=1)
    assert not short.stopped


def test_a_line_ends_an_answer(repository: Repository) -> None:
    repository.commit([type(AUSTRALIA)("Two lines:", "Paris\nFrance")], "a", settings={"end": False})
    (answer,) = repository.generate("Two lines:")
    assert answer.text == "Paris"


def test_an_answer_of_two_lines_can_match_exactly(repository: Repository) -> None:
    repository.commit([type(AUSTRALIA)("Two lines:", "Paris\nFrance"), HAMLET], "a")
    assert repository.evaluate().exact_match == 1.0


def test_what_can_not_be_answered(history: Repository) -> None:
    with pytest.raises(UsageError):
        history.generate("The", max_new_tokens=0)
    with pytest.raises(InputError):
        history.generate("long " * 400)
    with pytest.raises(InputError):
        history.generate("")
    with pytest.raises(UnknownRevision):
        history.generate("The", at="nowhere")
    with pytest.raises(UsageError):
        history.generate("The", mode="blend")


def test_an_answer_stays_within_the_context(history: Repository) -> None:
    prompt = "a b " * 60
    tokens = len(history.base.tokenizer(prompt)["input_ids"])
    limit = int(history.base.model.config.max_position_embeddings)
    assert tokens < limit
    (answer,) = continue_prompts(history.base.model, history.base.tokenizer, [prompt], max_new_tokens=10 * limit)
    assert answer.text


def test_the_models_own_settings_are_followed_where_they_are_given(repository: Repository) -> None:
    base = repository.base
    plain = continue_prompts(base.model, base.tokenizer, ["The play is"], max_new_tokens=12)[0].text
    same = continue_prompts(base.model, base.tokenizer, ["The play is"], max_new_tokens=12, own=GenerationConfig())
    assert same[0].text == plain
    own = GenerationConfig(repetition_penalty=5.0, max_length=3)
    penalised = continue_prompts(base.model, base.tokenizer, ["The play is"], max_new_tokens=12, own=own)[0].text
    assert penalised != plain and own.max_length == 3


def test_samples_depend_on_the_seed_and_not_on_the_batch(repository: Repository) -> None:
    base = repository.base
    own = GenerationConfig(do_sample=True, temperature=2.0)
    prompts = ["The play is", "Once upon a time", "12 + 30 ="]

    def said(some: list[str], seed: int) -> list[str]:
        found = continue_prompts(base.model, base.tokenizer, some, max_new_tokens=8, own=own, seed=seed)
        return [answer.text for answer in found]

    state = torch.random.get_rng_state()
    together = said(prompts, 1)
    assert together == [said([prompt], 1)[0] for prompt in prompts] and together != said(prompts, 2)
    assert torch.equal(state, torch.random.get_rng_state())


def test_figures_are_neutral_and_generate_follows_the_model(model_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(model_folder, tmp_path / "model")
    settings = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps({**settings, "repetition_penalty": 5.0}))
    made = Repository.init(tmp_path / "store", str(folder), settings=SETTINGS)
    plain = Repository.init(tmp_path / "plain", str(model_folder), settings=SETTINGS)
    for repository in (made, plain):
        repository.commit([AUSTRALIA], "First")
    assert [memory.blob for memory in made.show().memories] == [memory.blob for memory in plain.show().memories]
    one, other = (each.evaluate().to_json() for each in (made, plain))
    assert one["generation"] == "neutral"
    assert all(one[name] == other[name] for name in ("reliability", "exact_match", "locality"))
    prompt = "The play is"
    assert made.generate(prompt, max_new_tokens=12)[0].text != plain.generate(prompt, max_new_tokens=12)[0].text
    assert made.generate(prompt, greedy=True)[0].text == plain.generate(prompt)[0].text
    assert made.load()[0].generation_config.repetition_penalty == 5.0
