"""Stores of format 1, as wisedb 0.1.0 wrote them, open for ever: same history, same logits, new commits on top.

Only what is public is used here, so that these tests outlive every move inside. ``tests/format1/make.py`` made the
files.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import shutil
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import tomli_w
import torch
from safetensors.torch import load_file

import wisedb
from wisedb import Edit, Repository
from wisedb.cli import main

FILES = Path(__file__).parent / "format1"
STORES = ("store", "store-activation")
EVERY = 3  # of the logits each third was kept

EXPECTED: dict[str, Any] = json.loads((FILES / "expected.json").read_text(encoding="utf-8"))
LOGITS = load_file(FILES / "expected.safetensors")
PROMPTS: list[str] = EXPECTED["prompts"]
NEW = Edit("Copper has the sign", "France", subject="Copper")


def _store(name: str, folder: Path) -> Repository:
    """A copy of a store, which knows where its base model lies here."""
    shutil.copytree(FILES / name, folder / ".wisedb")
    config = folder / ".wisedb" / "config.toml"
    document = tomllib.loads(config.read_text(encoding="utf-8"))
    document["base"]["model"] = str(FILES / "base")
    config.write_text(tomli_w.dumps(document), encoding="utf-8")
    return Repository.open(folder)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Repository]:
    """Both stores, for tests that only look."""
    return {name: _store(name, tmp_path_factory.mktemp(name)) for name in STORES}


@pytest.fixture
def store(tmp_path: Path) -> Repository:
    """The store with keys, to be changed."""
    return _store("store", tmp_path / "store")


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """The pack, to be changed."""
    return shutil.copytree(FILES / "pack", tmp_path / "pack")


def _run(*words: str) -> tuple[int, Any]:
    """Exit code and JSON document of a command line."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main.run([*words, "--json"])
    # transformers may have shown a bar before.
    return code, json.loads(err.getvalue().splitlines()[-1] if code else out.getvalue())


def _told(repository: Repository, *words: str) -> Any:
    code, document = _run("-C", str(repository.path), *words)
    assert code == 0, document
    return document


def _includes(now: Any, then: Any, *, but: Sequence[str] = (), at: str = "") -> None:
    """Whatever was said in format 1 is said still; keys may be added, and those named in ``but`` may say else."""
    if isinstance(then, dict):
        for key in then.keys() - set(but):
            assert key in now, f"{at}.{key}"
            _includes(now[key], then[key], but=but, at=f"{at}.{key}")
    elif isinstance(then, list):
        assert len(now) == len(then), at
        for number, each in enumerate(then):
            _includes(now[number], each, but=but, at=f"{at}[{number}]")
    else:
        assert now == then, at


@torch.no_grad()
def _same_logits(loaded: tuple[Any, Any], key: str) -> None:
    model, tokenizer = loaded
    asked = [tokenizer(prompt, return_tensors="pt") for prompt in PROMPTS]
    logits = torch.stack([model(**each).logits[0, -1, ::EVERY] for each in asked])
    # Kernels differ from machine to machine in the last bits: in float64 these logits (up to 5) come out within 1e-5.
    # Those of another commit are off by tenths.
    torch.testing.assert_close(logits, LOGITS[key], rtol=1e-4, atol=3e-5)


def _objects(repository: Repository) -> dict[str, bytes]:
    folder = repository.path / ".wisedb" / "objects"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _facts_answer(repository: Repository, rev: str = "HEAD") -> None:
    facts = repository.facts(rev)
    said = repository.generate([fact.prompt for fact in facts], at=rev, max_new_tokens=6)
    assert [each.text.strip() for each in said] == [fact.target for fact in facts]


# What was there


@pytest.mark.parametrize("name", STORES)
def test_the_history_reads_as_it_did(stores: dict[str, Repository], name: str) -> None:
    repository, expected = stores[name], EXPECTED[name]
    ids = {path.parent.name + path.stem for path in (repository.path / ".wisedb" / "objects").rglob("*.json")}
    assert ids == set(expected["commits"])
    _includes(_told(repository, "branch"), expected["branches"])
    _includes(_told(repository, "tag"), expected["tags"])
    _includes(_told(repository, "status"), expected["status"], but=["index"])
    _includes(_told(repository, "blame", PROMPTS[0]), expected["blame"])
    for branch, log in expected["log"].items():
        _includes(_told(repository, "log", branch), log)
    for commit, then in expected["commits"].items():
        assert [edit["id"] for edit in _told(repository, "facts", commit)] == then["facts"]
        # What format 1 calls a shard and its one editor "wise", and whether the matrix is named beside the base model,
        # are matters of taste.
        shown = _told(repository, "show", commit)
        _includes(shown, then["show"], but=["kind", "name"])
        assert shown["config"]["name"] == "keyed"


@pytest.mark.parametrize("name", STORES)
def test_nothing_is_broken(stores: dict[str, Repository], name: str) -> None:
    assert _told(stores[name], "fsck")["problems"] == []


@pytest.mark.parametrize("name", STORES)
def test_the_index_is_made_anew(tmp_path: Path, name: str) -> None:
    repository, expected = _store(name, tmp_path), EXPECTED[name]
    for _ in range(2):
        made = _told(repository, "reindex")
        assert made["commits"] == len(expected["commits"])
        for branch, log in expected["log"].items():
            _includes(_told(repository, "log", branch), log)
            facts = expected["commits"][log[0]["commit"]]["facts"]
            assert [edit["id"] for edit in _told(repository, "facts", branch)] == facts
        shutil.rmtree(repository.path / ".wisedb" / "index")


# What the model says


@pytest.mark.parametrize("key", LOGITS)
def test_the_logits_are_the_same(stores: dict[str, Repository], key: str) -> None:
    name, commit, mode = key.split("/")
    _same_logits(stores[name].load(commit, mode), key)


@pytest.mark.parametrize("name", STORES)
def test_a_loaded_model_moves_through_the_history(stores: dict[str, Repository], name: str) -> None:
    repository = stores[name]
    model, tokenizer = repository.load()
    for commit in EXPECTED[name]["commits"]:
        repository.switch(model, commit)
        _same_logits((model, tokenizer), f"{name}/{commit}/retrieve")


@pytest.mark.parametrize("name", STORES)
def test_the_same_memories_give_the_same_answers(stores: dict[str, Repository], name: str) -> None:
    repository = stores[name]
    for commit, then in EXPECTED[name]["commits"].items():
        said = repository.generate(PROMPTS, at=commit, max_new_tokens=3)
        assert [each.to_json()["memory"] for each in said] == [each["memory"] for each in then["retrieve"]]
        prompts = {fact.prompt for fact in repository.facts(commit)}
        for now, before in zip(said, then["retrieve"], strict=True):
            assert now.text == before["text"] or now.prompt not in prompts


def test_a_merge_that_was_to_be_fitted_still_is(stores: dict[str, Repository]) -> None:
    # Its training may change with the version, so that there are no logits to compare.
    facts = stores["store"].facts("fitted")
    said = stores["store"].generate([fact.prompt for fact in facts], at="fitted", mode="merge", max_new_tokens=6)
    assert [each.text.strip() for each in said] == [fact.target for fact in facts]


# What is made on top


@pytest.mark.parametrize("name", STORES)
def test_it_takes_commits_and_gives_them_back(tmp_path: Path, name: str) -> None:
    repository = _store(name, tmp_path)
    before, facts = _objects(repository), repository.facts()
    repository.commit([NEW], "On top", author="Ada")
    assert repository.facts() == [*facts, NEW]
    _facts_answer(repository)
    taken = facts[0]
    repository.revert([taken.id], author="Ada")
    assert repository.facts() == [*facts[1:], NEW]
    _facts_answer(repository)
    assert repository.fsck().ok
    assert before.items() <= _objects(repository).items()  # not one old object is written anew


def test_it_rolls_back(store: Repository) -> None:
    before = _objects(store)
    store.rollback("v1", author="Ada")
    assert set(store.facts()) == set(store.facts("v1"))
    v1 = EXPECTED["store"]["tags"][0]["commit"]
    _same_logits(store.load(), f"store/{v1}/retrieve")
    assert before.items() <= _objects(store).items()


def test_an_edit_is_superseded_and_a_staged_one_committed(store: Repository) -> None:
    staged = store.status().staged
    old = store.facts()[0]
    store.commit(message="What was staged", author="Ada")
    store.commit([Edit(old.prompt, "Hamlet", subject=old.subject)], "Anew", author="Ada")
    assert {fact.target for fact in store.facts() if fact.prompt == old.prompt} == {"Hamlet"}
    assert set(staged) <= set(store.facts()) and not store.status().staged
    _facts_answer(store)


@pytest.mark.parametrize("branch", ["fitted", "mixed"])
def test_lines_of_both_formats_are_merged(store: Repository, branch: str) -> None:
    store.commit([NEW], "On main", author="Ada")
    made = store.merge(branch, author="Ada")
    assert made.commit is not None
    assert {fact.id for fact in store.facts()} == {NEW.id} | {
        fact.id for rev in ("main^", branch) for fact in store.facts(rev)
    }
    _facts_answer(store)
    assert store.fsck().ok


# The pack


def test_the_pack_is_cloned(pack: Path, tmp_path: Path) -> None:
    clone = Repository.clone(str(pack), tmp_path / "clone", model=str(FILES / "base"))
    log = EXPECTED["store"]["log"]["main"]
    # What was measured later (scores) stays where it was measured.
    _includes(_told(clone, "log"), log, but=["scores"])
    assert clone.fsck().ok
    head = log[0]["commit"]
    for mode in ("retrieve", "merge"):
        _same_logits(clone.load(mode=mode), f"store/{head}/{mode}")


def test_the_pack_is_loaded_without_a_clone(pack: Path, tmp_path: Path) -> None:
    v1 = EXPECTED["store"]["tags"][0]["commit"]
    loaded = wisedb.load(str(pack), "v1", model=str(FILES / "base"), cache_dir=tmp_path / "cache")
    _same_logits(loaded, f"store/{v1}/retrieve")


def test_the_pack_takes_commits(pack: Path, tmp_path: Path) -> None:
    clone = Repository.clone(str(pack), tmp_path / "clone", model=str(FILES / "base"))
    clone.commit([NEW], "On top", author="Ada")
    clone.push()
    again = Repository.clone(str(pack), tmp_path / "again", model=str(FILES / "base"))
    assert again.facts() == clone.facts() and NEW in again.facts()
    _facts_answer(again)


# Adapters


@pytest.mark.parametrize("format", ["adapter", "peft"])
def test_an_adapter_is_loaded(format: str) -> None:
    v1 = EXPECTED["store"]["tags"][0]["commit"]
    _same_logits(wisedb.load(FILES / format, model=str(FILES / "base")), f"store/{v1}/retrieve")


def test_peft_loads_its_adapter() -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    v1 = EXPECTED["store"]["tags"][0]["commit"]
    base = AutoModelForCausalLM.from_pretrained(FILES / "base")
    model = PeftModel.from_pretrained(base, FILES / "peft").eval()
    _same_logits((model, AutoTokenizer.from_pretrained(FILES / "base")), f"store/{v1}/retrieve")


# What is newer than this wisedb


def _refused(*words: str) -> None:
    code, document = _run(*words)
    assert code == 1
    error = document["error"]
    assert error["kind"] == "format-too-new"
    assert "format" in error["message"] and "\n" not in error["message"] and error["hint"]


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    fresh = Repository.init(tmp_path, str(FILES / "base"))
    config = fresh.path / ".wisedb" / "config.toml"
    document = tomllib.loads(config.read_text(encoding="utf-8"))
    config.write_text(tomli_w.dumps({**document, "format": document["format"] + 1}), encoding="utf-8")
    for words in (["log"], ["fsck"], ["status"], ["facts"]):
        _refused("-C", str(fresh.path), *words)


def test_a_newer_commit_is_refused(store: Repository) -> None:
    made = store.commit([NEW], "On top", author="Ada").commit
    objects = store.path / ".wisedb" / "objects"
    record = json.loads((objects / made[:2] / f"{made[2:]}.json").read_bytes())
    record["format"] += 1
    data = json.dumps(record, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    newer = hashlib.sha256(data).hexdigest()
    (objects / newer[:2]).mkdir(exist_ok=True)
    (objects / newer[:2] / f"{newer[2:]}.json").write_bytes(data)
    (store.path / ".wisedb" / "refs" / "heads" / "main").write_text(f"{newer}\n", encoding="utf-8")
    for words in (["show"], ["generate", PROMPTS[0]], ["log"]):
        _refused("-C", str(store.path), *words)


def test_a_newer_pack_is_refused(pack: Path, tmp_path: Path) -> None:
    clone = Repository.clone(str(pack), tmp_path / "clone", model=str(FILES / "base"))
    clone.commit([NEW], "On top", author="Ada")
    clone.push()
    manifest = max((pack / "manifests").iterdir())
    document = json.loads(manifest.read_bytes())
    document["format"] += 1
    manifest.chmod(0o644)
    manifest.write_text(json.dumps(document), encoding="utf-8")
    _refused("clone", str(pack), str(tmp_path / "again"), "--model", str(FILES / "base"))
