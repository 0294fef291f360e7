"""No configuration has anything fetched and run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.models import tiny_model, tiny_tokenizer
from wisedb.errors import UnsupportedModel
from wisedb.model.base import load_base
from wisedb.model.safe_config import check_configuration

KERNEL = "kernels-community/evil"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder."""
    tiny_model("llama").save_pretrained(tmp_path / "model")
    tiny_tokenizer().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def change(folder: Path, file: str = "config.json", **fields: Any) -> None:
    path = folder / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@pytest.mark.parametrize(
    "fields",
    [
        {"attn_implementation": KERNEL},
        {"_attn_implementation": KERNEL},
        {"_attn_implementation": f"paged|{KERNEL}"},
        {"_attn_implementation_internal": "org/repo@v1:function"},
        {"attn_implementation": {"": "eager", "text_config": KERNEL}},
        {"text_config": {"_attn_implementation": KERNEL}},
        {"layers": [{"attn_implementation": KERNEL}]},
        {"_experts_implementation": KERNEL},
        {"attn_implementation": "of_its_own"},
    ],
)
def test_what_would_be_fetched_and_run_is_refused_before_anything_is_loaded(
    folder: Path, fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("it was loaded")

    monkeypatch.setattr("transformers.AutoModelForCausalLM.from_pretrained", never)
    change(folder, **fields)
    with pytest.raises(UnsupportedModel, match="fetched from elsewhere") as caught:
        load_base(str(folder), trust_remote_code=True)
    assert caught.value.hint


@pytest.mark.parametrize("own", ["eager", "sdpa", None])
def test_what_transformers_has_itself_is_taken(folder: Path, own: str | None) -> None:
    change(folder, _attn_implementation=own)
    assert load_base(str(folder)).model is not None


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_code_of_another_repository_is_refused_even_where_code_is_allowed(folder: Path, file: str) -> None:
    change(folder, file, auto_map={"AutoConfig": "other/repo--own.Config", "AutoTokenizer": ["other/repo--a.B", None]})
    with pytest.raises(UnsupportedModel, match="another repository"):
        load_base(str(folder), trust_remote_code=True)


def test_an_adapter_beside_the_weights_is_refused(folder: Path, tmp_path: Path) -> None:
    """transformers would load the model that the adapter names, in the place of this one."""
    other = tmp_path / "other"
    tiny_model("llama", seed=9).save_pretrained(other)
    (folder / "adapter_config.json").write_text(
        json.dumps({"peft_type": "LORA", "base_model_name_or_path": str(other), "task_type": "CAUSAL_LM"})
    )
    with pytest.raises(UnsupportedModel, match="adapter beside its weights") as caught:
        load_base(str(folder))
    assert "merge" in caught.value.hint


def test_what_cannot_be_read_is_for_others_to_tell(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[" * 100_000)
    (tmp_path / "tokenizer_config.json").write_bytes(b"\xff")
    check_configuration(tmp_path, "it")
