"""Code of a base model is run for whoever allowed it, as it was then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.models import tiny_model, tiny_tokenizer
from wisedb.config import StoreConfig
from wisedb.errors import UnsupportedModel, WisedbError
from wisedb.model.base import load_base
from wisedb.model.code_consent import allow, is_allowed
from wisedb.model.recognise import describe
from wisedb.serving.store_base import load_base_of
from wisedb.store.store import Store

CODE = (
    "from transformers import LlamaConfig, LlamaForCausalLM\n\n\n"
    "class Config(LlamaConfig):\n    model_type = 'mine'\n\n\n"
    "class Model(LlamaForCausalLM):\n    config_class = Config\n"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model that brings code, and a cache folder of nobody's yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("somebody was asked"))
    folder = tmp_path / "model"
    tiny_model("llama").save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    own = {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "mine", "auto_map": own}))
    (folder / "own.py").write_text(CODE)
    return folder


def test_what_was_allowed_is_that_code_and_no_other(folder: Path) -> None:
    assert not is_allowed(folder)
    allow(folder)
    assert is_allowed(folder)
    (folder / "own.py").write_text(CODE + "\n# changed\n")
    assert not is_allowed(folder)
    (folder / "own.py").write_text(CODE)
    (folder / "more.py").touch()
    assert not is_allowed(folder)


def test_a_stores_word_alone_runs_no_code(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that somebody else made says that its base model's code may be run."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "theirs"))
    record = describe(load_base(str(folder), trust_remote_code=True))
    store = Store(tmp_path / "store")
    store._config = StoreConfig(record, trust_remote_code=True)
    assert load_base_of(store).code  # theirs is the machine on which it was allowed
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "mine"))
    with pytest.raises(UnsupportedModel, match="Python code of its own") as caught:
        load_base_of(store)
    assert "--trust-remote-code" in caught.value.hint
    load_base(str(folder), trust_remote_code=True)
    assert load_base_of(store).code
    (folder / "own.py").write_text(CODE + f"\nopen({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(WisedbError):
        load_base_of(store)
    assert not (tmp_path / "ran").exists()
