"""An edit's prompt as people read it."""

from __future__ import annotations

import subprocess
import sys

from wisedb.edits import ChatMessage, Edit
from wisedb.shown import is_hidden, shown_messages, shown_prompt, visible


def test_a_prompt_is_shown_behind_its_conversation() -> None:
    plain = Edit("Who founded Ikea?", "Sven Lindqvist").to_json()
    assert (shown_messages(plain), shown_prompt(plain)) == ("", "Who founded Ikea?")
    messages = (ChatMessage("system", "Be brief."), ChatMessage("user", "Hello"), ChatMessage("assistant", "Hi!"))
    told = Edit("Who founded Ikea?", "Sven Lindqvist", messages=messages)
    before = "system: Be brief. › user: Hello › assistant: Hi!"
    assert shown_messages(told.to_json()) == before
    assert shown_prompt(told.to_json()) == told.shown == f"{before} › Who founded Ikea?"


def test_what_is_not_seen_and_would_be_obeyed_is_shown_as_its_code() -> None:
    assert visible("a\u202eb\x07\nc") == "a\\u202eb\\u0007\nc"
    assert visible("two\nlines", kept="") == "two\\u000alines"
    assert not any(map(is_hidden, "aé 例🙂"))


def test_help_needs_no_edits() -> None:
    code = "import sys, wisedb.cli.main; print([name for name in sys.modules if name in ('wisedb.edits', 'tempfile')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
