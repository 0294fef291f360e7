"""The commands that share: what they answer, what they print, how they fail."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Told, answer, inside, wisedb

PUSHED = {"remote", "refs", "blobs_sent", "bytes"}
RECEIVED = {"remote", "refs", "blobs_received", "bytes"}


def failed(*words: str | Path, cwd: Path, code: int = 1) -> dict[str, Any]:
    done = inside(*words, "--json", cwd=cwd)
    assert done.returncode == code and done.stdout == "", done.stdout
    found: dict[str, Any] = json.loads(done.stderr)["error"]
    assert set(found) == {"kind", "message", "hint"} and found["hint"]
    return found


def test_push_clone_fetch_and_pull(told: Told, copy: Path, tmp_path: Path) -> None:
    pack, bob = tmp_path / "pack", tmp_path / "bob"
    added = answer("remote", "add", "origin", pack, cwd=copy, run=inside)
    assert set(added) >= RECEIVED and added["remotes"] == [{"remote": "origin", "url": str(pack)}]
    assert answer("remote", "list", cwd=copy, run=inside) == [{"remote": "origin", "url": str(pack)}]

    would = answer("push", "--dry-run", cwd=copy, run=inside)
    assert would["dry_run"] and not pack.exists()
    pushed = answer("push", "--tag", "v1", cwd=copy)
    assert set(pushed) >= PUSHED and pushed["remote"] == "origin" and pushed["blobs_sent"] > 0 < pushed["bytes"]
    assert {ref["name"]: (ref["from"], ref["to"]) for ref in pushed["refs"]} == {
        "refs/heads/main": (None, told.second["commit"]),
        "refs/tags/v1": (None, told.first["commit"]),
    }
    again = answer("push", cwd=copy, run=inside)
    assert (again["refs"], again["blobs_sent"], again["bytes"]) == ([], 0, 0)

    listed = answer("ls-remote", pack, cwd=tmp_path, run=inside)
    assert {ref["name"]: ref["commit"] for ref in listed} == {
        "refs/heads/main": told.second["commit"],
        "refs/tags/v1": told.first["commit"],
    }

    cloned = answer("clone", pack, "bob", cwd=tmp_path)
    assert set(cloned) >= RECEIVED | {"path", "branch", "head"} and cloned["path"] == str(bob)
    assert answer("facts", cwd=bob, run=inside) == answer("facts", cwd=copy, run=inside)
    assert answer("log", cwd=bob, run=inside) == answer("log", cwd=copy, run=inside)
    assert answer("fsck", cwd=bob, run=inside)["ok"]
    assert answer("branch", "--remotes", cwd=bob, run=inside) == [
        {"name": "origin/main", "commit": told.second["commit"]}
    ]

    back = answer("rollback", "v1", cwd=copy, run=inside)["commit"]
    answer("push", "origin", "main", cwd=copy, run=inside)
    fetched = answer("fetch", cwd=bob, run=inside)
    assert set(fetched) >= RECEIVED and fetched["tags_kept"] == []
    assert fetched["refs"] == [{"name": "refs/remotes/origin/main", "from": told.second["commit"], "to": back}]
    assert answer("diff", "main", "origin/main", cwd=bob, run=inside)["removed"]
    pulled = answer("pull", "--ff-only", cwd=bob, run=inside)
    assert set(pulled) >= RECEIVED | {"head", "how", "conflicts"}
    assert (pulled["how"], pulled["head"], pulled["conflicts"]) == ("fast-forward", back, [])
    assert answer("status", cwd=bob, run=inside)["head"] == back

    assert answer("remote", "remove", "origin", cwd=bob, run=inside)["remotes"] == []
    assert answer("branch", "--remotes", cwd=bob, run=inside) == []


def test_a_lazy_clone_loads_when_it_is_asked(told: Told, copy: Path, tmp_path: Path) -> None:
    answer("push", tmp_path / "pack", cwd=copy, run=inside)
    whole = answer("clone", tmp_path / "pack", tmp_path / "whole", cwd=tmp_path, run=inside)
    lazy = answer("clone", "--lazy", tmp_path / "pack", tmp_path / "lazy", cwd=tmp_path, run=inside)
    assert lazy["bytes"] <= whole["bytes"] and lazy["head"] == whole["head"]
    for words in (("log",), ("facts",), ("show", "HEAD"), ("diff", "v1"), ("status",)):
        if words == ("diff", "v1"):
            continue  # the tag was not pushed
        assert answer(*words, cwd=tmp_path / "lazy", run=inside) == answer(*words, cwd=tmp_path / "whole", run=inside)
    prompt = "The capital of Australia is"
    said = [answer("generate", prompt, cwd=tmp_path / name, run=inside) for name in ("lazy", "whole")]
    assert said[0] == said[1]
    assert answer("fsck", cwd=tmp_path / "lazy", run=inside)["ok"]


def test_both_sides_have_moved(told: Told, copy: Path, tmp_path: Path) -> None:
    """Each takes out another fact; the second one pulls, which merges, and pushes."""
    answer("remote", "add", "origin", tmp_path / "pack", cwd=copy, run=inside)
    answer("push", cwd=copy, run=inside)
    answer("clone", tmp_path / "pack", tmp_path / "bob", cwd=tmp_path, run=inside)
    bob = tmp_path / "bob"
    facts = {edit["target"]: edit["id"] for edit in answer("facts", cwd=copy, run=inside)}
    answer("revert", facts["Fe"], cwd=copy, run=inside)
    answer("push", cwd=copy, run=inside)
    mine = answer("revert", facts["Jane Austen"], cwd=bob, run=inside)["commit"]
    error = failed("push", cwd=bob)
    assert error["kind"] == "push-rejected" and "pull" in error["hint"]
    assert failed("pull", "--ff-only", cwd=bob)["kind"] == "diverged"
    assert answer("status", cwd=bob, run=inside)["head"] == mine
    pulled = answer("pull", cwd=bob, run=inside)
    assert pulled["how"] == "merge" and pulled["conflicts"] == [] and pulled["merge"]["commit"] == pulled["head"]
    assert {edit["target"] for edit in answer("facts", cwd=bob, run=inside)} == set(facts) - {"Fe", "Jane Austen"}
    shown = answer("show", "HEAD", cwd=bob, run=inside)
    assert shown["parents"][0] == mine and shown["message"] == "Merge branch 'main' of origin"
    pushed = answer("push", cwd=bob, run=inside)
    assert pushed["refs"][0]["to"] == pulled["head"]
    assert answer("pull", cwd=copy, run=inside)["how"] == "fast-forward"


def test_conflicts_change_nothing(told: Told, copy: Path, tmp_path: Path) -> None:
    answer("remote", "add", "origin", tmp_path / "pack", cwd=copy, run=inside)
    answer("push", cwd=copy, run=inside)
    answer("clone", tmp_path / "pack", tmp_path / "bob", cwd=tmp_path, run=inside)
    bob = tmp_path / "bob"
    for folder, target in ((copy, "Ag"), (bob, "Au")):
        inside("edit", "Iron has the symbol", target, cwd=folder)
        answer("commit", "-m", target, cwd=folder, run=inside)
    answer("push", cwd=copy, run=inside)
    before = answer("status", cwd=bob, run=inside)["head"]
    done = inside("pull", "--json", cwd=bob)
    found = json.loads(done.stdout)
    assert done.returncode == 1 and done.stderr == "" and set(found) >= RECEIVED
    assert [each["prompt"] for each in found["conflicts"]] == ["Iron has the symbol"]
    assert found["head"] == before == answer("status", cwd=bob, run=inside)["head"]
    done = inside("pull", cwd=bob)
    assert done.returncode == 1 and "conflict" in done.stderr and "--theirs" in done.stderr
    assert "Iron has the symbol" in done.stdout


def test_failures(told: Told, copy: Path, tmp_path: Path) -> None:
    assert failed("push", cwd=copy, code=2)["kind"] == "usage"
    assert failed("push", "nope", cwd=copy, code=2)["kind"] == "unknown-remote"
    assert failed("fetch", tmp_path / "no" / "thing" / "here", cwd=copy)["kind"] == "remote-not-found"
    assert failed("clone", tmp_path / "nothing", cwd=tmp_path)["kind"] == "remote-not-found"
    assert failed("ls-remote", cwd=tmp_path)["kind"] == "not-a-store"
    assert failed("remote", "remove", "nope", cwd=copy, code=2)["kind"] == "unknown-remote"
    secret = failed("remote", "add", "x", "https://ada:hunter2@example.org/x", cwd=copy, code=2)
    assert secret["kind"] == "usage" and "hunter2" not in json.dumps(secret)
    inside("push", tmp_path / "pack", cwd=copy)
    assert failed("fetch", tmp_path / "pack", "nope", cwd=copy)["kind"] == "unknown-revision"
    shutil.copytree(copy, tmp_path / "used")
    assert failed("clone", tmp_path / "pack", tmp_path / "used", cwd=tmp_path)["kind"] == "store-exists"
    (tmp_path / "pack" / "manifests" / "00000001.json").write_text('{"format": 99}')
    assert failed("clone", tmp_path / "pack", "x", cwd=tmp_path)["kind"] == "format-too-new"
    inside("edit", "The token is", "hf_" + "a1B2" * 10, cwd=copy)
    answer("commit", "-m", "oops", cwd=copy, run=inside)
    error = failed("push", tmp_path / "other", cwd=copy)
    assert error["kind"] == "secrets-found" and "target" in error["message"] and "a1B2" not in json.dumps(error)
    assert not (tmp_path / "other").exists()
    assert answer("push", tmp_path / "other", "--allow-secrets", cwd=copy, run=inside)["refs"]


def test_what_people_read(told: Told, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def said(*words: str | Path, cwd: Path = copy) -> str:
        done = inside(*words, cwd=cwd)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        return done.stdout

    assert "remote add origin" in said("remote", "list")
    assert said("remote", "add", "origin", tmp_path / "pack") == f"origin is {tmp_path / 'pack'}\n"
    assert str(tmp_path / "pack") in said("remote", "list")
    assert "Would push to origin: " in said("push", "--dry-run")
    pushed = said("push")
    assert "Pushed to origin: 3 commits" in pushed and "refs/heads/main" in pushed
    assert said("push") == "Everything is up to date at origin.\n"
    assert "refs/heads/main" in said("ls-remote")
    assert "Nothing new at origin." in said("fetch") and "up to date" in said("pull")
    assert "Cloned into" in said("clone", tmp_path / "pack", "bob", cwd=tmp_path)
    assert "origin/main" in said("branch", "-r", cwd=tmp_path / "bob")
    said("tag", "v1", "HEAD", cwd=tmp_path / "bob")
    said("push", "--tags")
    assert "yours is kept" in said("fetch", cwd=tmp_path / "bob")
    assert "forgotten" in said("remote", "remove", "origin")


def test_help_shows_examples(told: Told) -> None:
    for words in (["push"], ["pull"], ["fetch"], ["clone"], ["ls-remote"], ["remote", "add"], ["remote", "list"]):
        done = wisedb(*words, "--help", cwd=told.path) if words == ["push"] else inside(*words, "--help", cwd=told.path)
        assert done.returncode == 0 and "Example" in done.stdout and f"wisedb {' '.join(words)}" in done.stdout
