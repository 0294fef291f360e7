"""lm-evaluation-harness on the loaded model, on a PEFT adapter, and on a merged export that needs no wisedb."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from lm_eval import simple_evaluate
from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

from tests.benchmarks.ability import woken
from tests.compat.conftest import BEFORE, EDITED, PROMPTS, UNRELATED, Models
from wisedb import atlas
from wisedb.repository import Repository


def _harness(model: Any, tokenizer: Any, batch_size: int = 3) -> Any:
    return HFLM(pretrained=model, tokenizer=tokenizer, batch_size=batch_size)


def _likelihoods(harness: Any, pairs: list[tuple[str, str]]) -> list[tuple[float, bool]]:
    requests = [
        Instance("loglikelihood", {}, (prompt, f" {answer}"), index) for index, (prompt, answer) in enumerate(pairs)
    ]
    found: list[tuple[float, bool]] = harness.loglikelihood(requests, disable_tqdm=True)
    return found


def _generated(harness: Any, prompts: list[str]) -> list[str]:
    settings = {"until": ["\n"], "max_gen_toks": 8, "do_sample": False}
    requests = [Instance("generate_until", {}, (prompt, settings), index) for index, prompt in enumerate(prompts)]
    return [text.strip() for text in harness.generate_until(requests, disable_tqdm=True)]


@pytest.mark.parametrize("batch_size", [1, 3])
def test_likelihoods_prefer_the_edited_answers(models: Models, batch_size: int) -> None:
    new, old, other = (list(texts.items()) for texts in (EDITED, BEFORE, UNRELATED))
    found = {
        name: _likelihoods(_harness(model, models.tokenizer, batch_size), new + old + other)
        for name, model in (("edited", models.edited), ("base", models.base))
    }
    for index in range(len(new)):
        assert found["edited"][index][1] and not found["base"][index][1]  # whether greedy decoding says it
        assert found["edited"][index][0] > found["edited"][index + len(new)][0]
        assert found["base"][index][0] < found["base"][index + len(new)][0]
    assert found["edited"][-len(other) :] == found["base"][-len(other) :]


@pytest.mark.parametrize("batch_size", [1, 3])
def test_generation_says_the_edited_answers(models: Models, batch_size: int) -> None:
    said = _generated(_harness(models.edited, models.tokenizer, batch_size), PROMPTS)
    base = _generated(_harness(models.base, models.tokenizer, batch_size), PROMPTS)
    assert said[: len(EDITED)] == list(EDITED.values())
    assert said[len(EDITED) :] == base[len(EDITED) :]
    assert all(
        text.startswith(answer) for text, answer in zip(base, [*BEFORE.values(), *UNRELATED.values()], strict=True)
    )


def test_a_task_counts_what_was_edited(models: Models) -> None:
    docs = [{"prompt": prompt, "choices": [BEFORE[prompt], target], "label": 1} for prompt, target in EDITED.items()]
    task = {
        "task": "edited_facts",
        "custom_dataset": lambda **_: {"test": Dataset.from_list(docs)},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{prompt}}",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": "{{label}}",
        "metric_list": [{"metric": "acc"}],
    }
    for model, accuracy in ((models.edited, 1.0), (models.base, 0.0)):
        found = simple_evaluate(
            model=_harness(model, models.tokenizer),
            tasks=[ConfigurableTask(config=dict(task))],
            task_manager=TaskManager(include_defaults=False),
            bootstrap_iters=0,
        )
        assert found["results"]["edited_facts"]["acc,none"] == accuracy


def test_the_harness_opens_a_peft_adapter(models: Models, adapter: Path) -> None:
    harness = HFLM(pretrained=str(atlas.model_dir()), peft=str(adapter), dtype="float32", device="cpu", batch_size=2)
    pairs = [*EDITED.items(), *UNRELATED.items()]
    assert _likelihoods(harness, pairs) == _likelihoods(_harness(models.edited, models.tokenizer, 2), pairs)


PLAIN = """
import sys
sys.modules["wisedb"] = None  # from here on importing it fails
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, prompts, answers = {folder!r}, {prompts!r}, {answers!r}
model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
for prompt in prompts:
    batch = tokenizer(prompt, return_tensors="pt")
    ids = model.generate(**batch, max_new_tokens=8, do_sample=False)
    print(tokenizer.decode(ids[0, batch["input_ids"].shape[1]:], skip_special_tokens=True).strip())
harness = HFLM(pretrained=folder, dtype="float32", device="cpu", batch_size=2)
requests = [Instance("loglikelihood", {{}}, (a, " " + b), n) for n, (a, b) in enumerate(zip(prompts, answers))]
print([greedy for _, greedy in harness.loglikelihood(requests, disable_tqdm=True)])
assert not [name for name in sys.modules if name.startswith("wisedb.")]
"""


def test_a_merged_export_needs_no_wisedb(store: Repository, tmp_path: Path) -> None:
    folder = store.export("HEAD", tmp_path / "merged", "merged", force=True).path
    code = PLAIN.format(folder=str(folder), prompts=list(EDITED), answers=list(EDITED.values()))
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [*EDITED.values(), str([True] * len(EDITED))]


def test_an_item_that_differs_names_the_edit_that_answered(models: Models, store: Repository) -> None:
    ids = {edit.prompt: edit.id for edit in store.facts()}
    for prompt, target in {**EDITED, **UNRELATED}.items():
        tokens = models.tokenizer(f"{prompt} {target}")["input_ids"][:-1]
        assert woken(models.edited, models.base, tokens) == [ids[each] for each in [prompt] if each in ids]
