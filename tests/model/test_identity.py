"""What changes a base model's function is told field by field; what changes nothing is accepted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.models import tiny_model, tiny_tokenizer
from wisedb.config import BaseModel
from wisedb.errors import BaseModelMismatch, ModelNotFound
from wisedb.model.base import load_base
from wisedb.model.fingerprint import tokenizer_digest, weights_digest
from wisedb.model.recognise import compare, describe, load_for, verify


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny_model("llama").save_pretrained(tmp_path / "model")
    tiny_tokenizer().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def _change(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


def _config(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    return lambda folder: _change(folder / "config.json", change)


def _tokenizer(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    return lambda folder: _change(folder / "tokenizer.json", change)


def _settings(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    return lambda folder: _change(folder / "tokenizer_config.json", change)


def _swap_tokens(record: dict[str, Any]) -> None:
    vocabulary = record["model"]["vocab"]
    vocabulary["a"], vocabulary["b"] = vocabulary["b"], vocabulary["a"]


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        (_config(lambda it: it["rope_parameters"].update(rope_theta=100.0)), ["config.rope_parameters.rope_theta"]),
        (_config(lambda it: it.update(rms_norm_eps=0.1)), ["config.rms_norm_eps"]),
        (_config(lambda it: it.update(hidden_act="gelu")), ["config.hidden_act"]),
        (_tokenizer(_swap_tokens), ["tokenizer.vocabulary"]),
        (_tokenizer(lambda it: it["model"]["merges"].reverse()), ["tokenizer.merges"]),
        (_tokenizer(lambda it: it.update(normalizer={"type": "Lowercase"})), ["tokenizer.normalizer"]),
        (_settings(lambda it: it.update(bos_token="</s>")), ["tokenizer.special_tokens"]),
    ],
)
def test_what_changes_the_function_is_refused_and_told(
    folder: Path, change: Callable[[Path], None], fields: list[str]
) -> None:
    record = describe(load_base(str(folder)))
    change(folder)
    other = load_base(str(folder))
    assert [each.field for each in compare(record, other) if each.matters] == fields
    with pytest.raises(BaseModelMismatch) as caught:
        verify(record, other)
    assert fields[0] in caught.value.message and "base set" in caught.value.hint
    assert describe(other).fingerprint != record.fingerprint


def test_a_difference_says_what_was_and_what_is(folder: Path) -> None:
    record = describe(load_base(str(folder)))
    _config(lambda it: it["rope_parameters"].update(rope_theta=100.0))(folder)
    with pytest.raises(BaseModelMismatch, match="rope_theta: 10000 → 100"):
        load_for(record)


@pytest.mark.parametrize(
    "change",
    [
        _settings(lambda it: it.update(of_my_own="harmless", model_max_length=77, padding_side="right")),
        _settings(lambda it: it.update(chat_template="{{ messages }}")),
        _tokenizer(lambda it: it.update(truncation=None, version="1.0")),
        _config(lambda it: it.update(transformers_version="4.0.0", _name_or_path="elsewhere", use_cache=False)),
        _config(lambda it: it.update(attention_dropout=0.5, initializer_range=1.0)),
        _config(lambda it: it["rope_parameters"].update(rope_theta=10000)),
        lambda folder: (folder / "generation_config.json").write_text('{"repetition_penalty": 1.3, "eos_token_id": 2}'),
    ],
)
def test_what_changes_nothing_is_accepted(folder: Path, change: Callable[[Path], None]) -> None:
    record = describe(load_base(str(folder)))
    change(folder)
    other = load_base(str(folder))
    verify(record, other)
    assert describe(other).fingerprint == record.fingerprint


def test_what_changes_no_function_is_told_all_the_same(folder: Path) -> None:
    record = describe(load_base(str(folder)))
    _settings(lambda it: it.update(chat_template="{{ messages }}"))(folder)
    (folder / "generation_config.json").write_text('{"repetition_penalty": 1.3, "eos_token_id": 2}')
    told = {each.field for each in compare(record, load_base(str(folder)), rest=True)}
    assert {"rest.chat_template", "rest.generation.repetition_penalty"} <= told


def test_a_checkpoint_saved_anew_is_the_same(folder: Path, tmp_path: Path) -> None:
    first = load_base(str(folder))
    record = describe(first)
    first.model.save_pretrained(tmp_path / "anew", max_shard_size="20KB")
    first.saved_tokenizer().save_pretrained(tmp_path / "anew")
    load_for(record, model=str(tmp_path / "anew"))


def test_the_same_files_are_the_same_whatever_reads_them(folder: Path) -> None:
    record = describe(load_base(str(folder)))
    assert record.function is not None
    # As another version of transformers might have read them.
    read_otherwise = replace(record.function, config={**record.function.config, "of_that_version": True})
    verify(replace(record, function=read_otherwise), load_base(str(folder)))


def test_a_record_of_an_earlier_version_is_compared_as_before(folder: Path) -> None:
    record = BaseModel(str(folder), None, weights_digest(folder), tokenizer_digest(folder))
    load_for(record)
    assert record.fingerprint.count("-") == 1
    _settings(lambda it: it.update(of_my_own="harmless"))(folder)
    with pytest.raises(BaseModelMismatch, match="tokenizer"):
        load_for(record)


def test_a_record_survives_json(folder: Path) -> None:
    record = describe(load_base(str(folder)))
    assert BaseModel.from_json(json.loads(json.dumps(record.to_json()))) == record
    spoilt = json.loads(json.dumps(record.to_json()))
    spoilt["function"]["tokenizer"]["merges"] = "0" * 16
    with pytest.raises(TypeError):
        BaseModel.from_json(spoilt)


def test_who_has_moved_the_folder_is_told_the_ways_out(folder: Path) -> None:
    record = describe(load_base(str(folder)))
    folder.rename(folder.parent / "elsewhere")
    with pytest.raises(ModelNotFound) as caught:
        load_for(record)
    assert all(way in caught.value.hint for way in ("wisedb base set", "--base", "WISEDB_BASE"))
    load_for(record, model=str(folder.parent / "elsewhere"))
