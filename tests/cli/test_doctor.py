"""``wisedb doctor``."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import Told, answer, inside


def test_a_sound_store(told: Told) -> None:
    found = answer("doctor", cwd=told.path, HF_TOKEN="hf_averysecrettoken")
    assert found["ok"] is True and {"name", "state", "detail", "hint"} == set(found["checks"][0])
    assert "averysecret" not in json.dumps(found)
    said = inside("doctor", cwd=told.path)
    assert said.returncode == 0 and "all is well" in said.stdout and "base model" in said.stdout


def test_what_is_wrong_ends_with_one(copy: Path) -> None:
    (copy / ".wisedb" / "HEAD").write_text("nothing\n")
    done = inside("doctor", "--json", cwd=copy)
    assert done.returncode == 1 and json.loads(done.stdout)["ok"] is False
    assert "1 thing wrong" in inside("doctor", cwd=copy).stdout
