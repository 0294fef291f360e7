"""Answers are the continuation alone, the same in a batch as by themselves."""

from __future__ import annotations

import pytest

from tests.stores import AUSTRALIA, HAMLET, SUM
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
