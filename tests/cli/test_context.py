"""``wisedb context``, and the modes that put facts into the context."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import EDITS, Told, answer, inside

PROMPT = EDITS[0]["prompt"]


def test_the_facts_of_a_prompt(told: Told) -> None:
    found = answer("context", PROMPT, cwd=told.path)
    assert [edit["prompt"] for edit in found["facts"]] == [PROMPT] and set(found) == {"prompt", "facts", "text"}
    said = inside("context", PROMPT, cwd=told.path)
    assert said.returncode == 0 and said.stdout.strip() == found["text"] and "Sydney" in said.stdout
    nothing = inside("context", "Tell me a story", cwd=told.path)
    assert (nothing.returncode, nothing.stdout) == (0, "") and "no fact" in nothing.stderr


def test_messages_come_back_with_the_facts(told: Told, tmp_path: Path) -> None:
    file, asked = tmp_path / "messages.json", [{"role": "user", "content": PROMPT}]
    file.write_text(json.dumps({"model": "x", "messages": asked}))
    told_messages = json.loads(inside("context", "--messages", file, cwd=told.path).stdout)
    assert told_messages[1:] == asked and told_messages[0]["role"] == "system"
    assert answer("context", "--messages", file, cwd=told.path)["messages"] == told_messages


@pytest.mark.parametrize("text", ["[", "{}", '"Hello"', "[]", '[{"role": "assistant", "content": "Hello"}]'])
def test_what_is_no_list_of_messages_is_refused(told: Told, tmp_path: Path, text: str) -> None:
    (tmp_path / "messages.json").write_text(text)
    found = inside("context", "--messages", tmp_path / "messages.json", "--json", cwd=told.path)
    assert found.returncode == 1 and json.loads(found.stderr)["error"]["kind"] == "input"


@pytest.mark.parametrize("words", [(), (PROMPT, "--messages", "file")])
def test_one_of_both_is_given(told: Told, words: tuple[str, ...]) -> None:
    assert inside("context", *words, cwd=told.path).returncode == 2


@pytest.mark.parametrize("mode", ["context", "hybrid"])
def test_the_modes_say_which_facts_were_told(told: Told, mode: str) -> None:
    (found,) = answer("generate", PROMPT, "--mode", mode, cwd=told.path)
    explained = answer("explain", PROMPT, "--mode", mode, cwd=told.path)
    facts = [explained["nearest"][0]["edit"]["id"]] if mode == "context" else []
    assert found["facts"] == facts and [edit["id"] for edit in explained["facts"]] == facts
    assert "facts" not in answer("generate", PROMPT, cwd=told.path)[0]
    if mode == "context":
        assert "told edit" in inside("generate", PROMPT, "--mode", mode, cwd=told.path).stdout
        assert "in the context:" in inside("explain", PROMPT, "--mode", mode, cwd=told.path).stdout
