"""How the stores, the pack and the adapters of format 1 in this folder were made.

A record: it was run once, with wisedb 0.1.0. It need not run with later versions, and what it made must never be made
anew: the stores stand for those that people wrote with 0.1.0. ``python -m tests.format1.make HOME`` writes into this
folder; HOME is an empty folder by whose path the stores call their base model.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from tests.models import tiny_model, tiny_tokenizer
from wisedb import Edit, LocalityPrompt, Repository
from wisedb.cli import main

HERE = Path(__file__).parent

SETTINGS: dict[str, Any] = {
    "steps": 40,
    "attempts": 2,
    "neighbours": 0,
    "keep": 0,
    "contexts": 0,
    "mask_ratio": 0.5,
    "learning_rate": 0.05,
    "max_delta": 2.0,
    "routing_weight": 0.1,
    "threshold_ratio": 0.65,
    "margin": 0.5,
    "irrelevant": 8,
    "replay": 2,
    "rehearsal": 2,
    "shard_capacity": 3,
    "fit_merge": False,  # a fitted merge is trained when it is loaded: no two machines would get the same logits
}

BY_ACTIVATION: dict[str, Any] = {"router": "activation", "shard_capacity": 2}

LAYER = 1

EVERY = 3
"""Of the logits each third is kept: a memory that answers otherwise changes all of them."""

AUSTRALIA = Edit(
    "The capital of Australia is",
    "Canberra",
    subject="Australia",
    rephrases=("Australia has the capital",),
    locality=(LocalityPrompt("The capital of Peru is", "Lima"),),
    ground_truth="Sydney",
    source="an atlas",
    reason="the FAQ said Sydney",
    tags=("capitals",),
)
FRANCE = Edit("The capital of France is", "Paris", subject="France")
HAMLET = Edit("Who wrote the play Hamlet?", "France", subject="Hamlet")
SUM = Edit("12 + 30 =", "42", tags=("arithmetic",))
NEWER = Edit("The capital of Australia is", "Paris", subject="Australia", reason="a test of the fixture")
SPAIN = Edit("The capital of Spain is", "play", subject="Spain")
WATER = Edit("Water boils at", "France", subject="Water")
MOON = Edit("The moon is made of", "capital", subject="moon")
SNOW = Edit("Snow is", "wrot", subject="Snow")
GRASS = Edit("Grass is", "capital", subject="Grass")
STAGED = Edit("Iron has the symbol", "Fe", subject="Iron")

PROMPTS = (
    *(edit.prompt for edit in (AUSTRALIA, FRANCE, HAMLET, SUM, SPAIN, WATER, MOON, SNOW)),
    "Australia has the capital",
    "The capital of Peru is",
    "Nobody edited this.",
)


def _signed(number: int, author: str = "Ada <ada@example.org>") -> dict[str, Any]:
    return {"author": author, "date": f"2026-01-{number:02d}T12:00:00Z"}


def _main_store(home: Path) -> Repository:
    """Two lines and their merge: a superseded edit, a reverted one, a fitted merge, keys beside activations."""
    made = Repository.init(
        home / "keys", str(home / "base"), layer=LAYER, settings=SETTINGS, author="Ada <ada@example.org>"
    )
    made.commit([AUSTRALIA, FRANCE], "Two capitals", **_signed(1))
    made.commit([HAMLET, SUM], "A play and a sum\n\nIn a second shard.", **_signed(2))
    made.tag("v1")
    made.commit([NEWER], "Supersede the capital of Australia", **_signed(3))
    made.branch("side")
    made.switch("side")
    made.commit([SPAIN], "Spain, on a branch", **_signed(4, "Ben"))
    made.switch("main")
    made.commit([WATER], "Water, on main", **_signed(5))
    merged = made.merge("side", "Merge side", **_signed(6))
    assert not merged.conflicts
    made.revert([HAMLET.id], "Take Hamlet out", **_signed(7))
    made.branch("fitted")
    made.switch("fitted")
    made.commit([MOON], "The moon, with a merge that is fitted", settings={"fit_merge": True}, **_signed(8))
    made.switch("main")
    made.commit([MOON], "The moon", **_signed(9))
    made.evaluate()
    made.push(str(home / "pack"), ["main", "side"], tags="v1")
    made.branch("mixed")
    made.switch("mixed")
    made.commit([SNOW, GRASS], "By the activation, beside keys", settings=BY_ACTIVATION, **_signed(10))
    made.switch("main")
    made.add(STAGED)
    return made


def _activation_store(home: Path) -> Repository:
    """Memories that are found by their activation alone, as in the paper."""
    made = Repository.init(
        home / "activation",
        str(home / "base"),
        layer=LAYER,
        settings={**SETTINGS, **BY_ACTIVATION},
        author="Ada <ada@example.org>",
    )
    made.commit([AUSTRALIA, HAMLET], "Two facts", **_signed(1))
    made.commit([SUM, NEWER], "A sum, and Australia anew", **_signed(2))
    return made


def _told(repository: Repository, *words: str) -> Any:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main.run(["-C", str(repository.path), *words, "--json"]) == 0
    return json.loads(out.getvalue())


@torch.no_grad()
def _logits(model: Any, tokenizer: Any) -> torch.Tensor:
    asked = [tokenizer(prompt, return_tensors="pt") for prompt in PROMPTS]
    return torch.stack([model(**each).logits[0, -1, ::EVERY] for each in asked])


def _expected(repository: Repository, arrays: dict[str, torch.Tensor], name: str, merged: Collection[str]) -> Any:
    commits: dict[str, Any] = {}
    logs = {branch.name: _told(repository, "log", branch.name) for branch in repository.branches()}
    merges = {logs[branch][0]["commit"] for branch in merged}
    for commit in sorted({entry["commit"] for entries in logs.values() for entry in entries}):
        said: dict[str, Any] = {
            "show": _told(repository, "show", commit),
            "facts": [edit["id"] for edit in _told(repository, "facts", commit)],
        }
        for mode in ("retrieve", "merge"):
            if mode == "merge" and commit not in merges:
                continue
            model, tokenizer = repository.load(commit, mode)
            arrays[f"{name}/{commit}/{mode}"] = _logits(model, tokenizer)
            asked = repository.generate(PROMPTS, at=commit, mode=mode, max_new_tokens=3)
            said[mode] = [{"text": each.text, "memory": each.to_json()["memory"]} for each in asked]
        commits[commit] = said
    return {
        "commits": commits,
        "log": logs,
        "branches": _told(repository, "branch"),
        "tags": _told(repository, "tag"),
        "status": _told(repository, "status"),
        "blame": _told(repository, "blame", AUSTRALIA.prompt),
    }


def _must_answer(repository: Repository) -> None:
    for branch in repository.branches():
        for fact in repository.facts(branch.name):
            said = repository.generate(fact.prompt, at=branch.name, max_new_tokens=6)[0].text
            assert said == fact.target, (branch.name, fact.prompt, said)


def _keep(source: Path, name: str) -> None:
    # The index is derived data, and by far the largest file.
    shutil.copytree(source, HERE / name, ignore=shutil.ignore_patterns("index", "lock", "trash"))


def make(home: Path) -> None:
    """Write everything that the tests of format 1 read."""
    sizes = {"num_hidden_layers": 2, "intermediate_size": 64, "tie_word_embeddings": True}
    tiny_model("llama", seed=1, **sizes).save_pretrained(home / "base")
    tiny_tokenizer().save_pretrained(home / "base")
    shutil.copytree(home / "base", HERE / "base")
    keys, activation = _main_store(home), _activation_store(home)
    for each in (keys, activation):
        _must_answer(each)
    arrays: dict[str, torch.Tensor] = {}
    document = {
        "prompts": PROMPTS,
        "store": _expected(keys, arrays, "store", ("main", "side")),
        "store-activation": _expected(activation, arrays, "store-activation", ("main",)),
    }
    _keep(home / "keys" / ".wisedb", "store")
    _keep(home / "activation" / ".wisedb", "store-activation")
    shutil.copytree(home / "pack", HERE / "pack")
    for format in ("adapter", "peft"):
        keys.export("v1", HERE / format, format)
    (HERE / "expected.json").write_text(json.dumps(document, separators=(",", ":"), sort_keys=True) + "\n")
    save_file(arrays, HERE / "expected.safetensors")


if __name__ == "__main__":
    make(Path(sys.argv[1]).resolve())
