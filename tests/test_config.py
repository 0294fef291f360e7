from __future__ import annotations

import pytest

from wisedb.config import BaseModel, EditorChoice, StoreConfig
from wisedb.errors import CorruptObject, FormatTooNew

BASE = BaseModel("gpt2", None, "a" * 64, "b" * 64)


def test_a_configuration_survives_toml() -> None:
    editor = EditorChoice("keyed", {"steps": 3, "end": True, "alpha": 0.5}, 7, {"pool": "c" * 64})
    config = StoreConfig(BASE, editor, {"o": "a/b"})
    assert StoreConfig.from_toml(config.to_toml()) == config
    assert StoreConfig.from_toml(StoreConfig(BASE).to_toml()) == StoreConfig(BASE)


def test_a_configuration_of_format_1_is_read() -> None:
    old = (
        'format = 1\n[base]\nmodel = "gpt2"\nweights = "' + "a" * 64 + '"\ntokenizer = "' + "b" * 64 + '"\n'
        'fingerprint = "x"\ntarget = "h.9.mlp"\n[editor]\nname = "wise"\nseed = 7\npool = "' + "c" * 64 + '"\n'
        "[editor.settings]\nsteps = 3\n"
    )
    config = StoreConfig.from_toml(old.encode())
    assert config.base == BASE
    assert config.editor == EditorChoice("keyed", {"steps": 3, "target": "h.9.mlp"}, 7, {"pool": "c" * 64})
    assert config.to_toml().startswith(b"format = 2")


def test_the_fingerprint_speaks_of_weights_and_tokenizer() -> None:
    assert BASE.fingerprint == "a" * 16 + "-" + "b" * 16


@pytest.mark.parametrize("data", [b"", b"\xff", b"format = ", b"format = 1\n", b"format = 1\nbase = 3\n"])
def test_a_broken_file_is_named(data: bytes) -> None:
    with pytest.raises(CorruptObject, match=r"config\.toml"):
        StoreConfig.from_toml(data)


def test_a_newer_format_is_refused() -> None:
    with pytest.raises(FormatTooNew):
        StoreConfig.from_toml(StoreConfig(BASE).to_toml().replace(b"format = 2", b"format = 3"))
