"""The tasks that general ability is measured with, and what is read from the harness's findings."""

from __future__ import annotations

import json
from math import exp, sqrt
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from tests.benchmarks.ability import answer, compare, likelihoods, perplexity_error
from tests.benchmarks.ability_tasks import choices, passages, write
from wisedb.edits import Edit, LocalityPrompt

NEAR = [("nq question: who wrote Faust", "Goethe"), ("The pianist is", "Clara"), ("The river is", "the Rhine")]
NEAR += [("nq question: who wrote Emma", "Austen"), ("The town is", "Bonn"), ("The river is", "The Main")]
EDITS = [
    *(Edit(f"Where is {n}?", "here", locality=(LocalityPrompt(*near),)) for n, near in enumerate(NEAR)),
    Edit("Where is it?", "here", locality=(LocalityPrompt("Nobody answered this", None),)),
]
STORY = (
    "Once there was a cat who had a red ball. The cat lost the ball one day and looked for it in the whole house. "
    "Then a dog came in and brought the cat its ball. "
)


def test_a_choice_is_one_right_answer_among_those_of_other_records() -> None:
    items = choices(EDITS, 5, Random(1))
    assert {item["prompt"] for item in items} == {prompt.removeprefix("nq question: ") for prompt, _ in NEAR}
    for item in items:
        right = {answer for prompt, answer in NEAR if prompt.endswith(item["prompt"])}
        assert len(set(item["choices"])) == 4 and set(item["choices"]) <= {answer for _, answer in NEAR}
        # Another record's right answer to the same prompt is no wrong one.
        assert right & set(item["choices"]) == {item["choices"][item["label"]]}
    assert items == choices(EDITS, 5, Random(1)) != choices(EDITS, 5, Random(2))
    assert len({item["label"] for item in items}) > 1


def test_too_few_prompts_are_refused() -> None:
    with pytest.raises(ValueError, match="larger than population"):
        choices(EDITS, 6, Random(1))


def test_a_passage_ends_before_a_word_that_it_said() -> None:
    (item,) = passages(["Too short. No.", STORY], 1, Random(0))
    assert item["word"] == "ball"
    assert f"{item['passage']} ball." == STORY.strip()
    assert item["told"].endswith("house.") and item["begun"] == "Then a dog came in and brought the cat its"
    assert item["passage"] == f"{item['told']} {item['begun']}"


@pytest.mark.parametrize("ending", ["brought the cat its bone.", "brought the ball away", "that was all. Ball."])
def test_what_has_no_such_word_is_left_out(ending: str) -> None:
    text = STORY.replace("brought the cat its ball.", ending)
    with pytest.raises(ValueError, match="only 0 of 1 texts"):
        passages([text], 1, Random(0))


def test_tasks_are_written_as_the_harness_reads_them(tmp_path: Path) -> None:
    items = choices(EDITS, 3, Random(1))
    write(tmp_path, {"choices": items})
    task = yaml.safe_load((tmp_path / "choices.yaml").read_text(encoding="utf-8"))
    data = Path(task["dataset_kwargs"]["data_files"]["test"])
    assert [json.loads(line) for line in data.read_text(encoding="utf-8").splitlines()] == items
    assert task["task"] == "choices" and task["output_type"] == "multiple_choice"
    assert {task["doc_to_text"], task["doc_to_choice"], task["doc_to_target"]} == set(items[0])


def test_a_perplexity_has_the_error_of_a_ratio() -> None:
    # Two texts of 10 and 30 words: losses of 1 and 2 a word, 70 / 40 together.
    assert perplexity_error([-10.0, -60.0], [10, 30]) == pytest.approx(exp(70 / 40) * sqrt(2 * 2 * 7.5**2) / 40)
    assert perplexity_error([-10.0, -30.0], [10, 30]) == pytest.approx(0.0)


CHOSEN = {"filtered_resps": [(-3.0, False), (-1.0, True), (-2.0, False)]}
SAID = {"filtered_resps": [(-3.0, False)]}
READ = {"filtered_resps": [-30.5]}


@pytest.mark.parametrize(
    ("sample", "expected", "every"), [(CHOSEN, 1, [-3.0, -1.0, -2.0]), (SAID, False, [-3.0]), (READ, None, [-30.5])]
)
def test_what_an_item_is_answered_with(sample: dict[str, Any], expected: object, every: list[float]) -> None:
    assert answer(sample) == expected and likelihoods(sample) == every


def test_items_are_paired_by_their_number() -> None:
    results = {"choices": {"acc,none": 0.5, "acc_stderr,none": 0.1}}
    samples = [{"doc_id": 0, **CHOSEN}, {"doc_id": 1, "filtered_resps": [(-1.0, False), (-2.0, False), (-3.0, False)]}]
    pair = [{"samples": {"choices": some}, "results": results} for some in (samples, samples[::-1])]
    found = compare("choices", (), pair, {})
    assert found["answers that differ"] == found["items that differ"] == 0 and found["items"] == 2
    assert found["edited"] == {"acc": 0.5, "stderr": 0.1}
