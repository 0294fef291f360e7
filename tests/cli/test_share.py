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
    added = answer("remote", "add", "origin", pack, cwd=copy)
    assert set(added) >= RECEIVED and added["remotes"] == [{"remote": "origin", "url": str(pack)}]
    assert answer("remote", "list", cwd=copy) == [{"remote": "origin", "url": str(pack)}]

    would = answer("push", "--dry-run", cwd=copy)
    assert would["dry_run"] and not pack.exists()
    pushed = answer("push", "--tag", "v1", cwd=copy, run=wisedb)
    assert set(pushed) >= PUSHED and pushed["remote"] == "origin" and pushed["blobs_sent"] > 0 < pushed["bytes"]
    assert {ref["name"]: (ref["from"], ref["to"]) for ref in pushed["refs"]} == {
        "refs/heads/main": (None, told.second["commit"]),
        "refs/tags/v1": (None, told.first["commit"]),
    }
    again = answer("push", cwd=copy)
    assert (again["refs"], again["blobs_sent"], again["bytes"]) == ([], 0, 0)

    listed = answer("ls-remote", pack, cwd=tmp_path)
    assert {ref["name"]: ref["commit"] for ref in listed} == {
        "refs/heads/main": told.second["commit"],
        "refs/tags/v1": told.first["commit"],
    }

    cloned = answer("clone", pack, "bob", cwd=tmp_path, run=wisedb)
    assert set(cloned) >= RECEIVED | {"path", "branch", "head"} and cloned["path"] == str(bob)
    assert answer("facts", cwd=bob) == answer("facts", cwd=copy)
    assert answer("log", cwd=bob) == answer("log", cwd=copy)
    assert answer("fsck", cwd=bob)["ok"]
    assert answer("branch", "--remotes", cwd=bob) == [{"name": "origin/main", "commit": told.second["commit"]}]

    back = answer("rollback", "v1", cwd=copy)["commit"]
    answer("push", "origin", "main", cwd=copy)
    fetched = answer("fetch", cwd=bob)
    assert set(fetched) >= RECEIVED and fetched["tags_kept"] == []
    assert fetched["refs"] == [{"name": "refs/remotes/origin/main", "from": told.second["commit"], "to": back}]
    assert answer("diff", "main", "origin/main", cwd=bob)["removed"]
    pulled = answer("pull", "--ff-only", cwd=bob)
    assert set(pulled) >= RECEIVED | {"head", "how", "conflicts"}
    assert (pulled["how"], pulled["head"], pulled["conflicts"]) == ("fast-forward", back, [])
    assert answer("status", cwd=bob)["head"] == back

    assert answer("remote", "remove", "origin", cwd=bob)["remotes"] == []
    assert answer("branch", "--remotes", cwd=bob) == []


def test_a_lazy_clone_loads_when_it_is_asked(told: Told, copy: Path, tmp_path: Path) -> None:
    answer("push", tmp_path / "pack", cwd=copy)
    whole = answer("clone", tmp_path / "pack", tmp_path / "whole", cwd=tmp_path)
    lazy = answer("clone", "--lazy", tmp_path / "pack", tmp_path / "lazy", cwd=tmp_path)
    assert lazy["bytes"] <= whole["bytes"] and lazy["head"] == whole["head"]
    for words in (("log",), ("facts",), ("show", "HEAD"), ("diff", "v1"), ("status",)):
        if words == ("diff", "v1"):
            continue  # the tag was not pushed
        assert answer(*words, cwd=tmp_path / "lazy") == answer(*words, cwd=tmp_path / "whole")
    prompt = "The capital of Australia is"
    said = [answer("generate", prompt, cwd=tmp_path / name) for name in ("lazy", "whole")]
    assert said[0] == said[1]
    assert answer("fsck", cwd=tmp_path / "lazy")["ok"]


def test_both_sides_have_moved(told: Told, copy: Path, tmp_path: Path) -> None:
    """Each takes out another fact; the second one pulls, which merges, and pushes."""
    answer("remote", "add", "origin", tmp_path / "pack", cwd=copy)
    answer("push", cwd=copy)
    answer("clone", tmp_path / "pack", tmp_path / "bob", cwd=tmp_path)
    bob = tmp_path / "bob"
    facts = {edit["target"]: edit["id"] for edit in answer("facts", cwd=copy)}
    answer("revert", facts["Fe"], cwd=copy)
    answer("push", cwd=copy)
    mine = answer("revert", facts["Jane Austen"], cwd=bob)["commit"]
    error = failed("push", cwd=bob)
    assert error["kind"] == "push-rejected" and "pull" in error["hint"]
    assert failed("pull", "--ff-only", cwd=bob)["kind"] == "diverged"
    assert answer("status", cwd=bob)["head"] == mine
    pulled = answer("pull", cwd=bob)
    assert pulled["how"] == "merge" and pulled["conflicts"] == [] and pulled["merge"]["commit"] == pulled["head"]
    assert {edit["target"] for edit in answer("facts", cwd=bob)} == set(facts) - {"Fe", "Jane Austen"}
    shown = answer("show", "HEAD", cwd=bob)
    assert shown["parents"][0] == mine and shown["message"] == "Merge branch 'main' of origin"
    pushed = answer("push", cwd=bob)
    assert pushed["refs"][0]["to"] == pulled["head"]
    assert answer("pull", cwd=copy)["how"] == "fast-forward"


def test_conflicts_change_nothing(told: Told, copy: Path, tmp_path: Path) -> None:
    answer("remote", "add", "origin", tmp_path / "pack", cwd=copy)
    answer("push", cwd=copy)
    answer("clone", tmp_path / "pack", tmp_path / "bob", cwd=tmp_path)
    bob = tmp_path / "bob"
    for folder, target in ((copy, "Ag"), (bob, "Au")):
        inside("edit", "Iron has the symbol", target, cwd=folder)
        answer("commit", "-m", target, cwd=folder)
    answer("push", cwd=copy)
    before = answer("status", cwd=bob)["head"]
    done = inside("pull", "--json", cwd=bob)
    found = json.loads(done.stdout)
    assert done.returncode == 1 and done.stderr == "" and set(found) >= RECEIVED
    assert [each["prompt"] for each in found["conflicts"]] == ["Iron has the symbol"]
    assert found["head"] == before == answer("status", cwd=bob)["head"]
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
    answer("commit", "-m", "oops", cwd=copy)
    error = failed("push", tmp_path / "other", cwd=copy)
    assert error["kind"] == "secrets-found" and "target" in error["message"] and "a1B2" not in json.dumps(error)
    assert not (tmp_path / "other").exists()
    assert answer("push", tmp_path / "other", "--allow-secrets", cwd=copy)["refs"]


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
        done = inside(*words, "--help", cwd=told.path)
        assert done.returncode == 0 and "Example" in done.stdout and f"wisedb {' '.join(words)}" in done.stdout
