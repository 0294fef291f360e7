"""What scripts rely on: one JSON document on stdout, nothing on stderr, and these keys in it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.gguf_files import write_gguf
from wisedb.serving.forms.how_asked import HOW_ASKED
from wisedb.serving.forms.must_not_fire import MUST_NOT_FIRE
from wisedb.store.store import Store

from .conftest import EDITS, FAST, Told, answer, inside, wisedb

EDIT = {"id", "prompt", "target", "subject", "ground_truth", "rephrases", "locality", "source", "reason", "tags"}
STATUS = {"branch", "head", "staged", "index"}
LOG = {"commit", "parents", "author", "date", "message", "edits_added", "edits_reverted", "scores"}
COMMITTED = {
    "commit",
    "parents",
    "branch",
    "edits_added",
    "edits_reverted",
    "seconds",
    "seconds_per_edit",
    "bytes_written",
    "reliability",
}
MOVE = {"head", "commit", "branch"}
ID = re.compile("[0-9a-f]{64}")


def has(keys: set[str], document: Any) -> None:
    """The document is an object with at least these keys."""
    assert isinstance(document, dict)
    assert keys <= set(document), keys - set(document)


def test_init(told: Told, model: Path) -> None:
    has({"path", "model", "revision", "gguf_file", "fingerprint", "target", "branch", "chat"}, told.init)
    assert told.init["gguf_file"] is None
    assert told.init["branch"] == "main"
    assert told.init["model"] == str(model)
    assert Path(told.init["path"]).resolve() in (told.path.resolve(), (told.path / ".wisedb").resolve())


def test_init_from_a_gguf_file(tmp_path: Path) -> None:
    write_gguf(tmp_path / "F.gguf")
    made = answer("init", "one", "--model", ".", "--gguf-file", "F.gguf", *FAST, cwd=tmp_path, run=wisedb)
    assert (made["model"], made["gguf_file"]) == (str(tmp_path), "F.gguf")
    assert answer("show", cwd=tmp_path / "one")["base"]["gguf_file"] == "F.gguf"
    said = inside("show", cwd=tmp_path / "one").stdout
    assert "F.gguf, dequantised," in " ".join(said.split())
    by_path = inside("init", "two", "--model", "F.gguf", *FAST, cwd=tmp_path)
    assert "dequantised from F.gguf" in " ".join(by_path.stdout.split())
    refused = inside("init", "three", "--model", ".", "--gguf-file", "G.gguf", cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == f"error: {tmp_path} holds no file G.gguf\nhint: Of GGUF files it holds: F.gguf.\n"


def test_init_with_prompts_of_ones_own(tmp_path: Path, model: Path) -> None:
    prompts = [f"The number after {n} is" for n in range(10)]
    (tmp_path / "pool.txt").write_text("\n".join(prompts))
    answer("init", "--model", model, "--pool", "pool.txt", cwd=tmp_path)
    store = Store.open(tmp_path)
    pool = store.objects.meta(str(store.config.editor.pool))[1]
    assert [*pool["prompts"], *pool["held_out"]] == prompts and len(pool["held_out"]) == 2


def test_add(told: Told) -> None:
    has(STATUS, told.staged)
    assert ID.fullmatch(told.staged["head"])
    assert [edit["prompt"] for edit in told.staged["staged"]] == [edit["prompt"] for edit in EDITS[:2]]
    has(EDIT, told.staged["staged"][0])


def test_commit(told: Told) -> None:
    has(COMMITTED, told.first)
    assert told.first["parents"] == [told.staged["head"]]
    assert told.first["edits_added"] == 2
    assert told.second["parents"] == [told.first["commit"]]
    # The second commit's new target puts the first one's out of force.
    assert (told.second["edits_added"], told.second["edits_reverted"]) == (2, 1)
    assert 0 <= told.second["reliability"] <= 1
    assert told.second["bytes_written"] > 0


def test_status_edit_and_unstage(copy: Path, told: Told) -> None:
    clean = answer("status", cwd=copy)
    has(STATUS, clean)
    assert (clean["branch"], clean["head"], clean["staged"]) == ("main", told.second["commit"], [])
    words = ("--subject", "Emma", "--rephrase", "Emma was set in", "--reason", "asked for", "--tag", "books")
    staged = answer("edit", "Emma is set in", "Surrey", *words, cwd=copy)["staged"]
    has(EDIT, staged[0])
    assert staged[0]["rephrases"] == ["Emma was set in"]
    assert staged[0]["reason"] == "asked for"
    answer("edit", "Ulysses is set in", "Dublin", cwd=copy)
    left = answer("unstage", staged[0]["id"][:8], cwd=copy)
    assert [edit["target"] for edit in left["staged"]] == ["Dublin"]
    assert answer("unstage", cwd=copy)["staged"] == []


def test_log_and_show(told: Told) -> None:
    entries = answer("log", cwd=told.path)
    ids = [entry["commit"] for entry in entries]
    assert ids == [told.second["commit"], told.first["commit"], told.staged["head"]]
    for entry in entries:
        has(LOG, entry)
        assert entry["author"] == "Ada <ada@example.org>"
    assert len(answer("log", "-n", "1", cwd=told.path)) == 1
    assert answer("log", "v1", cwd=told.path) == entries[1:]

    shown = answer("show", told.first["commit"][:6], cwd=told.path)
    has(LOG | {"edits", "reverted", "memories", "config", "base"}, shown)
    assert len(shown["edits"]) == 2
    has(EDIT, shown["edits"][0])
    for memory in shown["memories"]:
        has({"id", "kind", "blob", "edits", "bytes", "threshold", "gate", "editor", "modules"}, memory)
        assert (memory["kind"], memory["editor"], memory["modules"]) == ("masked_delta", "keyed", [told.init["target"]])
    assert sum(len(memory["edits"]) for memory in shown["memories"]) == 2


def test_diff(told: Told) -> None:
    found = answer("diff", "v1", "--tensors", "--behaviour", cwd=told.path)
    has({"from", "to", "added", "removed", "changed", "tensors", "behaviour"}, found)
    assert (found["from"], found["to"]) == (told.first["commit"], told.second["commit"])
    assert [edit["target"] for edit in found["added"]] == ["Fe"]
    assert found["removed"] == []
    assert len(found["changed"]) == 1
    has({"prompt", "from", "to"}, found["changed"][0])
    for item in found["behaviour"]:
        has({"prompt", "from", "to"}, item)
    plain = answer("diff", "HEAD", "v1", cwd=told.path)
    assert [edit["target"] for edit in plain["removed"]] == ["Fe"]
    assert not {"tensors", "behaviour"} & set(plain)


def test_facts_blame_search_and_sql(told: Told) -> None:
    assert {edit["target"] for edit in answer("facts", cwd=told.path)} == {"Jane Austen", "Fe", "Sydney"}
    assert {edit["target"] for edit in answer("facts", "v1", cwd=told.path)} == {"Jane Austen", "Canberra"}

    found = answer("blame", "the capital of  Australia is", cwd=told.path)
    has({"prompt", "edit", "commit", "author", "date", "reason", "candidates"}, found)
    assert found["edit"]["target"] == "Sydney"
    assert found["commit"] == told.second["commit"]
    assert found["reason"] == EDITS[0]["reason"]
    for candidate in found["candidates"]:
        has({"edit", "commit", "score"}, candidate)
    earlier = answer("blame", EDITS[0]["prompt"], "--at", "v1", cwd=told.path)
    assert earlier["edit"]["target"] == "Canberra"
    assert answer("blame", "Nobody asked this", cwd=told.path)["edit"] is None

    assert {edit["target"] for edit in answer("search", "australia", cwd=told.path)} == {"Canberra", "Sydney"}
    assert answer("sql", "SELECT 1 AS one, 'a' AS letter", cwd=told.path) == {
        "columns": ["one", "letter"],
        "rows": [[1, "a"]],
    }


def test_branches_tags_and_moves(copy: Path, told: Told) -> None:
    branches = answer("branch", "experiment", "v1", cwd=copy)
    assert {(ref["name"], ref["commit"]) for ref in branches} == {
        ("main", told.second["commit"]),
        ("experiment", told.first["commit"]),
    }
    assert answer("tag", "v2", cwd=copy)[-1]["name"] == "v2"
    assert {tag["name"] for tag in answer("tag", cwd=copy)} == {"v1", "v2"}
    assert [tag["name"] for tag in answer("tag", "--delete", "v2", cwd=copy)] == ["v1"]

    moved = answer("switch", "experiment", cwd=copy)
    has(MOVE, moved)
    assert (moved["branch"], moved["commit"]) == ("experiment", told.first["commit"])
    assert answer("switch", "--create", "other", cwd=copy)["branch"] == "other"
    assert answer("checkout", told.second["commit"][:4], cwd=copy)["branch"] is None
    assert answer("checkout", "main", cwd=copy)["branch"] == "main"
    assert answer("reset", "HEAD~1", cwd=copy)["commit"] == told.first["commit"]
    assert answer("reset", "@{1}", cwd=copy)["commit"] == told.second["commit"]
    moves = answer("reflog", cwd=copy)
    for move in moves:
        has({"ref", "from", "to", "date", "action"}, move)
    assert moves[0]["to"] == told.second["commit"]
    assert "experiment" not in {ref["name"] for ref in answer("branch", "-d", "experiment", cwd=copy)}


def test_rollback_and_revert_make_commits(copy: Path, told: Told) -> None:
    back = answer("rollback", "HEAD~1", "-m", "back again", cwd=copy)
    has(MOVE, back)
    assert ID.fullmatch(back["commit"])
    assert back["commit"] not in {told.first["commit"], told.second["commit"]}
    newest = answer("log", "-n", "1", cwd=copy)[0]
    assert (newest["commit"], newest["message"], newest["parents"]) == (
        back["commit"],
        "back again",
        [told.second["commit"]],
    )
    assert newest["author"] == "Ada <ada@example.org>"
    fact = next(edit for edit in answer("facts", cwd=copy) if edit["target"] == "Canberra")
    undone = answer("revert", fact["id"][:10], cwd=copy)
    has(MOVE, undone)
    assert [edit["target"] for edit in answer("facts", cwd=copy)] == ["Jane Austen"]


def test_editors(told: Told, tmp_path: Path) -> None:
    listed = answer("editors", cwd=tmp_path)  # it needs no store
    assert [editor["name"] for editor in listed] == sorted(editor["name"] for editor in listed)
    for editor in listed:
        has({"name", "kind", "gate", "undo", "summary", "good_at", "bad_at", "settings"}, editor)
        assert editor["undo"] in ("exact", "retrained")
        assert all(editor[text] for text in ("kind", "gate", "summary", "good_at", "bad_at"))
    (keyed,) = (editor for editor in listed if editor["name"] == "keyed")
    assert keyed["kind"] == "masked_delta" and "steps" in keyed["settings"]
    shown = inside("editors", cwd=told.path)
    assert shown.returncode == 0 and shown.stderr == ""
    for editor in listed:
        assert f"{editor['name']}  {editor['kind']}, gate {editor['gate']}" in shown.stdout
    assert sum(line.startswith("  + ") for line in shown.stdout.splitlines()) == len(listed)
    assert sum(line.startswith("  - ") for line in shown.stdout.splitlines()) == len(listed)


def test_a_commit_by_a_named_editor(copy: Path) -> None:
    (copy / "third.json").write_text(json.dumps([{"prompt": "Gold has the symbol", "target": "Au"}]))
    made = answer("commit", "third.json", "-m", "third", "--editor", "keyed", cwd=copy)
    assert answer("show", "HEAD", cwd=copy)["config"]["name"] == "keyed"
    assert made["edits_added"] == 1


def test_generate_and_explain(told: Told) -> None:
    words = ("--at", "v1", "--max-new-tokens", "3")
    answers = answer("generate", EDITS[0]["prompt"], "Water boils at", *words, cwd=told.path, run=wisedb)
    assert [item["prompt"] for item in answers] == [EDITS[0]["prompt"], "Water boils at"]
    for item in answers:
        has({"prompt", "text", "routed", "memory", "activation", "threshold"}, item)
    plain = ("--base", "--max-new-tokens", "3")
    unedited = answer("generate", "Water boils at", *plain, cwd=told.path)
    assert unedited[0]["routed"] is False

    found = answer("explain", EDITS[0]["prompt"], cwd=told.path)
    has({"prompt", "routed", "memory", "memories", "nearest", "answer", "base_answer"}, found)
    for memory in found["memories"]:
        has({"id", "activation", "threshold"}, memory)
    assert found["nearest"][0]["edit"]["target"] == "Sydney"
    has({"edit", "score"}, found["nearest"][0])


@pytest.mark.parametrize("mode", ["retrieve", "merge"])
def test_eval(copy: Path, told: Told, mode: str) -> None:
    found = answer("eval", "--mode", mode, cwd=copy)
    keys = (
        "commit mode n reliability generalization locality exact_match exact_match_rephrase router oracle base seconds"
    )
    has(set(keys.split()), found)
    has({"recall_at_1", "false_fire"}, found["router"])
    has({"reliability", "generalization"}, found["oracle"])
    has({"reliability", "generalization", "exact_match"}, found["base"])
    assert (found["commit"], found["mode"], found["n"]) == (told.second["commit"], mode, 3)
    # What was measured is kept, and the history shows it.
    assert answer("log", "-n", "1", cwd=copy)[0]["scores"]
    has({"says_it", "says_it_rephrase", "format", "how_asked", "must_not_fire", "seed", "forced"}, found)
    assert (found["format"], found["how_asked"]) == ("raw", None)
    limited = answer("eval", "--data", "first.jsonl", "--limit", "1", cwd=copy)
    assert limited["n"] == 1


def test_eval_in_many_forms(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The first of each table: every form costs two runs of the model.
    monkeypatch.setattr("wisedb.serving.forms.measure.HOW_ASKED", HOW_ASKED[:2])
    monkeypatch.setattr("wisedb.serving.forms.measure.MUST_NOT_FIRE", MUST_NOT_FIRE[:2])
    found = answer("eval", "--forms", "--seed", "3", cwd=copy)
    assert found["seed"] == 3
    assert list(found["how_asked"]) == [form.name for form in HOW_ASKED[:2]]
    for row in found["how_asked"].values():
        has({"kind", "n", "right", "plain_right", "base_right", "base_old", "kept"}, row)
    for row in found["must_not_fire"].values():
        has({"kind", "n", "changed"}, row)
    shown = inside("eval", "--forms", "--limit", "1", cwd=copy)
    assert shown.returncode == 0, shown.stderr
    for words in ("HOW IT IS ASKED", HOW_ASKED[1].name, "WHAT MUST NOT FIRE", MUST_NOT_FIRE[1].name):
        assert words in shown.stdout


@pytest.mark.parametrize("words", [("eval", "--chat"), ("eval", "--chat", "--forms"), ("eval", "--seed", "1")])
def test_eval_refuses_in_one_line_what_it_can_not_measure(told: Told, words: tuple[str, ...]) -> None:
    done = inside(*words, cwd=told.path)
    assert (done.returncode, done.stdout) == (2, "")
    error, hint = done.stderr.splitlines()
    assert error == (
        "error: --seed is for --forms alone"
        if "--seed" in words
        else "error: this model's tokenizer has no chat template that wisedb can read"
    )
    assert hint.startswith("hint: ")


@pytest.mark.parametrize("layout", ["merged", "adapter", "peft"])
def test_export(told: Told, tmp_path: Path, layout: str) -> None:
    run = wisedb if layout == "merged" else inside
    force = ("--force",) if layout == "merged" else ()
    made = answer("export", "HEAD", tmp_path / "out", "--format", layout, *force, cwd=told.path, run=run)
    has({"path", "format", "files", "bytes", "reliability", "agreement"}, made)
    assert (made["agreement"] is not None) == (layout == "merged")
    assert made["format"] == layout
    assert any((tmp_path / "out").iterdir())


def test_a_peft_adapter_says_how_it_answers(told: Told, tmp_path: Path) -> None:
    words = ("export", "HEAD", tmp_path / "out", "--format", "peft", "--mode", "merge")
    made = answer(*words, cwd=told.path)
    assert json.loads((Path(made["path"]) / "adapter_config.json").read_text())["mode"] == "merge"


def test_maintenance(copy: Path) -> None:
    checked = answer("fsck", cwd=copy)
    has({"ok", "problems", "objects"}, checked)
    assert checked["ok"] is True
    assert checked["problems"] == []
    has({"removed", "bytes"}, answer("gc", cwd=copy))
    has({"removed", "bytes"}, answer("gc", "--prune", cwd=copy))
    before = answer("facts", cwd=copy)
    has({"commits", "edits", "seconds"}, answer("reindex", cwd=copy))
    assert answer("facts", cwd=copy) == before


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("log",),
        ("show", "HEAD"),
        ("facts",),
        ("diff", "v1"),
        ("blame", EDITS[0]["prompt"]),
        ("search", "Emma"),
        ("sql", "SELECT 1 AS one"),
        ("branch",),
        ("tag",),
        ("reflog",),
        ("fsck",),
    ],
    ids=lambda words: words[0],
)
def test_people_get_plain_text(told: Told, words: tuple[str, ...]) -> None:
    run = wisedb if words == ("log",) else inside
    done = run(*words, cwd=told.path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "\x1b" not in done.stdout
    with pytest.raises(ValueError):
        json.loads(done.stdout)


def test_what_was_not_learned_is_told_refused_and_trained_anew(copy: Path) -> None:
    answer("edit", "The author of Ulysses is", "James Joyce", cwd=copy)
    refused = inside("commit", "-m", "joyce", "--strict", "--json", cwd=copy)
    assert refused.returncode == 1 and json.loads(refused.stderr)["error"]["kind"] == "not-learned"
    made = answer("commit", "-m", "joyce", cwd=copy)
    assert made["edits_added"] == 1 and len(made["unlearned"]) == 1 and made["again"] == []
    again = answer("commit", "--again", "-m", "once more", "--set", "steps=3", cwd=copy)
    assert set(made["unlearned"]) <= set(again["again"]) and again["edits_added"] == 0
    told = inside("commit", "--again", "-m", "and again", "--set", "steps=4", cwd=copy)
    assert told.returncode == 0 and "--again" in told.stdout and "trained anew" in told.stdout


def test_fsck_asks_the_model(told: Told) -> None:
    found = answer("fsck", "--model", cwd=told.path)
    assert found["ok"] and found["model"]["same"] is True
    assert found["model"]["made_with"] == found["model"]["now"]
    assert "answers as it did" in inside("fsck", "--model", cwd=told.path).stdout
