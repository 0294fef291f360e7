from __future__ import annotations

from dataclasses import replace

import pytest

from wisedb.config import BaseModel, EditorChoice, StoreConfig
from wisedb.errors import CorruptObject, FormatTooNew

BASE = BaseModel("gpt2", None, "a" * 64, "b" * 64)
MODULE = "transformer.h.9.mlp.c_proj"
FORMAT_1 = f"""
format = 1

[base]
model = "gpt2"
fingerprint = "{BASE.fingerprint}"
weights = "{BASE.weights}"
tokenizer = "{BASE.tokenizer}"
target = "{MODULE}"

[editor]
name = "wise"
seed = 7
pool = "{"c" * 64}"

[editor.settings]
steps = 3
"""


def test_a_configuration_survives_toml() -> None:
    choice = EditorChoice("keyed", {"steps": 3, "end": True, "alpha": 0.5}, 7, {"pool": "c" * 64})
    config = StoreConfig(BASE, choice, {"o": "a/b"})
    assert StoreConfig.from_toml(config.to_toml()) == config


def test_a_gguf_file_is_part_of_the_record_only_where_there_is_one() -> None:
    base = replace(BASE, gguf_file="F.gguf")
    assert base.source == "gpt2/F.gguf" and BASE.source == "gpt2"
    assert StoreConfig.from_toml(StoreConfig(base).to_toml()) == StoreConfig(base)
    assert base.to_json() == {**BASE.to_json(), "gguf_file": "F.gguf"}
    with pytest.raises(TypeError):
        BaseModel.from_json({**BASE.to_json(), "gguf_file": None})


def test_an_editor_without_resources_survives_too() -> None:
    config = StoreConfig(BASE, EditorChoice("rome", {"steps": 3}))
    assert StoreConfig.from_toml(config.to_toml()) == config


@pytest.mark.parametrize("pool", ["c" * 64, None])
def test_format_1_is_read_as_format_2_says_it(pool: str | None) -> None:
    text = FORMAT_1 if pool else "".join(line for line in FORMAT_1.splitlines(True) if not line.startswith("pool"))
    config = StoreConfig.from_toml(text.encode())
    resources = {"pool": pool} if pool else {}
    # The editor is called by the name that it has now, and the module is its own to say.
    assert config == StoreConfig(BASE, EditorChoice("keyed", {"steps": 3, "target": MODULE}, 7, resources))
    assert StoreConfig.from_toml(config.to_toml()) == config


def test_the_fingerprint_speaks_of_weights_and_tokenizer() -> None:
    assert BASE.fingerprint == "a" * 16 + "-" + "b" * 16


@pytest.mark.parametrize("data", [b"", b"\xff", b"format = ", b"format = 1\n", b"format = 1\nbase = 3\n"])
def test_a_broken_file_is_named(data: bytes) -> None:
    with pytest.raises(CorruptObject, match=r"config\.toml"):
        StoreConfig.from_toml(data)


def test_a_newer_format_is_refused() -> None:
    with pytest.raises(FormatTooNew):
        StoreConfig.from_toml(StoreConfig(BASE).to_toml().replace(b"format = 2", b"format = 3"))
