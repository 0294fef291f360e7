"""A store on a GGUF file: every verb that needs the base model finds the file again and dequantises it."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
import torch
from gguf import GGMLQuantizationType as Kind
from transformers import AutoModelForCausalLM, PreTrainedModel

import wisedb
from tests.gguf_files import write_gguf
from tests.models import tiny_tokenizer
from tests.stores import AUSTRALIA, SETTINGS
from wisedb.errors import BaseModelMismatch
from wisedb.export.bake import bake
from wisedb.memory.hooks import handle_of
from wisedb.model.base import load_base
from wisedb.repository import Repository
from wisedb.serving.memory_codec import read_memories

UNRELATED = "Who wrote the play Hamlet?"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("gguf") / "F.gguf"
    write_gguf(file, kind=Kind.Q8_0)
    return file


@pytest.fixture(scope="module")
def edited(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A store with one edit; not to be changed."""
    made = Repository.init(
        tmp_path_factory.mktemp("store"), str(file.parent), gguf_file=file.name, settings=SETTINGS, author="Ada"
    )
    made.commit([AUSTRALIA], "One", author="Ada")
    return made


def logits(model: PreTrainedModel, text: str) -> torch.Tensor:
    ids = tiny_tokenizer()(text, return_tensors="pt").input_ids
    with torch.no_grad():
        found: torch.Tensor = model(ids.to(model.device)).logits.cpu()
    return found


def test_the_record_names_the_file_and_its_bytes(edited: Repository, file: Path) -> None:
    whole = hashlib.sha256(file.read_bytes()).hexdigest()
    reopened = Repository.open(edited.path)
    known, told = reopened.store.config.base, reopened.store.objects.commit(reopened.store.resolve("HEAD")).base
    # Where it lies is the store's own business.
    assert (known.model, told.model) == (str(file.parent), f"./{file.parent.name}")
    for base in (known, told):
        assert base.gguf_file == "F.gguf"
        assert base.weights == base.tokenizer == whole
    assert reopened.log()[-1].record.message == f"Start from {file.parent.name}/F.gguf, dequantised"
    assert reopened.fsck().ok


def test_an_edit_is_said_and_the_rest_is_left_alone(edited: Repository) -> None:
    said, other = Repository.open(edited.path).generate([AUSTRALIA.prompt, UNRELATED])
    assert said.text.strip().startswith(AUSTRALIA.target) and said.routed
    assert not other.routed


def test_head_is_the_dequantised_model_and_the_edit(edited: Repository, file: Path) -> None:
    model, tokenizer = Repository.open(edited.path).load()
    plain = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=str(file), dtype=model.dtype)
    assert tokenizer(UNRELATED).input_ids == tiny_tokenizer()(UNRELATED).input_ids
    assert torch.equal(logits(model, UNRELATED), logits(plain, UNRELATED))
    # Where the edit answers, the same as with its change in the weight.
    commit = edited.store.objects.commit(edited.store.resolve("HEAD"))
    changed = load_base(str(file))
    bake(changed, read_memories(edited.store.objects, commit.memories))
    handle = handle_of(model)
    assert handle is not None
    with handle.boundary([len(tokenizer(AUSTRALIA.prompt).input_ids)]):
        found = logits(model, AUSTRALIA.prompt)
    assert torch.allclose(found, logits(changed.model, AUSTRALIA.prompt), atol=1e-4)
    assert not torch.allclose(found, logits(plain, AUSTRALIA.prompt), atol=1e-1)


@pytest.mark.parametrize("moved", ["folder", "file"])
def test_a_clone_finds_the_file_where_it_is_told(edited: Repository, file: Path, tmp_path: Path, moved: str) -> None:
    edited.push(str(tmp_path / "pack"))
    (tmp_path / "models").mkdir()
    there = tmp_path / "models" / ("F.gguf" if moved == "folder" else "renamed.gguf")
    shutil.copy(file, there)
    place = there.parent if moved == "folder" else there
    clone = Repository.clone(str(tmp_path / "pack"), tmp_path / "clone", model=str(place))
    base = Repository.open(clone.path).store.config.base
    assert (base.model, base.gguf_file) == (str(there.parent), there.name)
    (said,) = Repository.open(clone.path).generate([AUSTRALIA.prompt])
    assert said.text.strip().startswith(AUSTRALIA.target)
    model, _ = wisedb.load(str(tmp_path / "pack"), model=str(place), cache_dir=tmp_path / "cache")
    assert torch.equal(logits(model, AUSTRALIA.prompt), logits(edited.load()[0], AUSTRALIA.prompt))


def test_another_file_of_that_name_is_refused(edited: Repository, tmp_path: Path) -> None:
    write_gguf(tmp_path / "F.gguf", kind=Kind.Q8_0, seed=1)
    with pytest.raises(BaseModelMismatch, match=r"F\.gguf"):
        edited.load(model=str(tmp_path))


def test_a_card_says_that_the_base_is_dequantised_and_not_where_it_lies(
    edited: Repository, file: Path, tmp_path: Path
) -> None:
    edited.push(str(tmp_path / "pack"))
    card = (tmp_path / "pack" / "README.md").read_text()
    assert "| dequantised from | a GGUF file |" in card and str(file.parent) not in card
    assert 'model="PATH-OF-THE-BASE-MODEL.gguf"' in card


@pytest.mark.parametrize("format", ["adapter", "peft"])
def test_an_adapter_finds_it_too(edited: Repository, file: Path, tmp_path: Path, format: str) -> None:
    edited.export("HEAD", tmp_path / "out", format)
    assert str(file) in (tmp_path / "out" / "README.md").read_text()
    expected = logits(edited.load()[0], AUSTRALIA.prompt)
    assert torch.equal(logits(wisedb.load(tmp_path / "out")[0], AUSTRALIA.prompt), expected)


def test_plain_transformers_opens_the_adapter_as_its_card_says(edited: Repository, tmp_path: Path) -> None:
    edited.export("HEAD", tmp_path / "out", "peft")
    assert '("PATH-OF-THIS-FOLDER", gguf_file="F.gguf")' in (tmp_path / "out" / "README.md").read_text()
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out", gguf_file="F.gguf")
    expected = edited.load(dtype=model.dtype)[0]
    assert torch.equal(logits(model, AUSTRALIA.prompt), logits(expected, AUSTRALIA.prompt))


def test_a_merged_checkpoint_is_one_of_plain_safetensors(edited: Repository, tmp_path: Path) -> None:
    made = edited.export("HEAD", tmp_path / "out", "merged", force=True)
    assert "model.safetensors" in made.files
    model = load_base(str(tmp_path / "out")).model
    assert not torch.equal(logits(model, AUSTRALIA.prompt), logits(edited.base.model, AUSTRALIA.prompt))
