"""Room, token and programs; the token itself is never told."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from wisedb.doctor.check import NOTE, OK, WARNING, WRONG, Check
from wisedb.doctor.machine import machine
from wisedb.signing.verdict import Trust

Usage = namedtuple("Usage", "total used free")


def _found(folder: Path, trust: Trust | None = None) -> dict[str, Check]:
    return {check.name: check for check in machine(folder, trust or Trust())}


@pytest.mark.parametrize(("free", "state"), [(1 << 40, OK), (1 << 29, WARNING), (1 << 20, WRONG)])
def test_room(free: int, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(1 << 41, 0, free))
    assert _found(tmp_path)["disk"].state == state
    assert _found(tmp_path / "not" / "there")["disk"].state == state


def test_the_token_is_never_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_thisisverysecret")
    found = _found(tmp_path)
    assert found["hub token"] == Check("hub token", OK, "there is one")
    assert not any("secret" in f"{check}" for check in found.values())
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    assert _found(tmp_path)["hub token"].state == NOTE


def test_the_accelerator_is_that_of_torch(tmp_path: Path) -> None:
    import torch

    assert _found(tmp_path)["gpu"].state == (OK if torch.cuda.is_available() else NOTE)


def test_programs_and_signers(tmp_path: Path) -> None:
    assert _found(tmp_path, Trust(ssh="no-such", gpg="no-such-either"))["signing"].state == NOTE
    there = Trust(tmp_path, ssh="sh")
    assert _found(tmp_path, there)["signing"].state == WARNING
    (tmp_path / "signers").write_text("")
    assert _found(tmp_path, Trust(tmp_path / "signers", ssh="sh"))["signing"].state == OK
