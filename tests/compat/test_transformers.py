"""The loaded model in the tools of transformers: the edited prompts say the new answers, the others the base's."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    DataCollatorForLanguageModeling,
    TextIteratorStreamer,
    Trainer,
    TrainingArguments,
    pipeline,
)

from tests.compat.conftest import BEFORE, EDITED, PROMPTS, UNRELATED, Models

GREEDY = {"max_new_tokens": 8, "do_sample": False}


@pytest.mark.parametrize("batch_size", [1, 4])
def test_pipeline(models: Models, batch_size: int) -> None:
    answers = {
        name: {
            prompt: given[0]["generated_text"].strip()
            for prompt, given in zip(
                PROMPTS,
                pipeline("text-generation", model=model, tokenizer=models.tokenizer, batch_size=batch_size)(
                    PROMPTS, return_full_text=False, **GREEDY
                ),
                strict=True,
            )
        }
        for name, model in (("edited", models.edited), ("base", models.base))
    }
    for prompt, target in EDITED.items():
        assert answers["edited"][prompt] == target and answers["base"][prompt].startswith(BEFORE[prompt])
    for prompt, answer in UNRELATED.items():
        assert answers["edited"][prompt] == answers["base"][prompt] and answers["base"][prompt].startswith(answer)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_streaming(models: Models, prompt: str) -> None:
    streamer = TextIteratorStreamer(models.tokenizer, skip_prompt=True, skip_special_tokens=True, timeout=60)
    batch = models.tokenizer(prompt, return_tensors="pt")
    thread = Thread(target=models.edited.generate, kwargs={**batch, **GREEDY, "streamer": streamer})
    thread.start()
    pieces = list(streamer)
    thread.join()
    assert len(pieces) > 1
    said = models.base.generate(**batch, **GREEDY)[0, batch["input_ids"].shape[1] :]
    expected = EDITED.get(prompt) or models.tokenizer.decode(said, skip_special_tokens=True).strip()
    assert "".join(pieces).strip() == expected


def _loss(model: Any, tokenizer: Any, texts: dict[str, str], folder: Path) -> float:
    """The mean loss of the answers, as ``Trainer.evaluate`` measures it."""
    rows = []
    for prompt, answer in texts.items():
        before, whole = (tokenizer(text)["input_ids"] for text in (prompt, f"{prompt} {answer}"))
        assert whole[: len(before)] == before
        rows.append({"input_ids": whole, "labels": [-100] * len(before) + whole[len(before) :]})
    trainer = Trainer(
        model=model,
        args=TrainingArguments(folder, per_device_eval_batch_size=2, report_to=[], use_cpu=True, disable_tqdm=True),
        eval_dataset=rows,
        data_collator=_Padded(tokenizer),
    )
    loss: float = trainer.evaluate()["eval_loss"]
    return loss


class _Padded(DataCollatorForLanguageModeling):  # type: ignore[misc]
    """Pads labels as it pads tokens."""

    def __init__(self, tokenizer: Any) -> None:
        super().__init__(tokenizer, mlm=False)

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        width = max(len(row["input_ids"]) for row in examples)

        def padded(name: str, value: int) -> torch.Tensor:
            return torch.tensor([row[name] + [value] * (width - len(row[name])) for row in examples])

        ids = padded("input_ids", self.tokenizer.pad_token_id)
        ones = [[1] * len(row["input_ids"]) + [0] * (width - len(row["input_ids"])) for row in examples]
        return {"input_ids": ids, "attention_mask": torch.tensor(ones), "labels": padded("labels", -100)}


def test_trainer_evaluates(models: Models, tmp_path: Path) -> None:
    losses = {
        (name, which): _loss(model, models.tokenizer, texts, tmp_path)
        for name, model in (("edited", models.edited), ("base", models.base))
        for which, texts in (("new", EDITED), ("old", BEFORE), ("unrelated", UNRELATED))
    }
    assert losses["edited", "new"] < 0.5 < losses["base", "new"]
    assert losses["edited", "old"] > losses["base", "old"]
    assert losses["edited", "unrelated"] == losses["base", "unrelated"]


def test_trainer_evaluates_a_peft_adapter(models: Models, adapter: Path, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(adapter, dtype=torch.float32)
    assert _loss(model, models.tokenizer, EDITED, tmp_path) == _loss(models.edited, models.tokenizer, EDITED, tmp_path)


@pytest.mark.parametrize("kind", ["loaded", "peft"])
def test_compiled(models: Models, adapter: Path, kind: str) -> None:
    model = models.edited if kind == "loaded" else AutoModelForCausalLM.from_pretrained(adapter, dtype=torch.float32)
    compiled = torch.compile(model, backend="eager")
    batch = models.tokenizer(PROMPTS, return_tensors="pt", padding=True, padding_side="left")
    with torch.no_grad():
        expected, base, found = (model(**batch).logits[:, -1] for model in (models.edited, models.base, compiled))
    assert torch.equal(found, expected)
    assert torch.equal(found[2:], base[2:]) and not torch.isclose(found[:2], base[:2]).all()
