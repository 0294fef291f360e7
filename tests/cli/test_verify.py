"""Signing and checking from the command line, as git's users type it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.signing.keys import allowed, needs_ssh, ssh_key

from .conftest import answer, inside

pytestmark = needs_ssh


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    """Where the person's preferences are: a key, and who is trusted."""
    key = ssh_key(tmp_path)
    signers = allowed(tmp_path, ("ada@example.org", key))
    file = tmp_path / "config.toml"
    file.write_text(f'[user]\nsigningkey = "{key}"\n[gpg.ssh]\nallowedsignersfile = "{signers}"\n')
    return {"WISEDB_CONFIG": str(file)}


def test_commit_tag_verify_and_log(copy: Path, settings: dict[str, Any], tmp_path: Path) -> None:
    answer("commit", "--amend", "--no-edit", "-S", cwd=copy, **settings)
    found = answer("verify-commit", "HEAD", cwd=copy, **settings)
    assert (found["signed"], found["valid"], found["signer"]) == (True, True, "ada@example.org")
    both = inside("verify-commit", "HEAD", "HEAD~1", "--json", cwd=copy, **settings)
    assert both.returncode == 1 and [each["signed"] for each in json.loads(both.stdout)] == [True, False]
    answer("tag", "-s", "v2", "-m", "As released", cwd=copy, **settings)
    assert answer("verify-tag", "v2", cwd=copy, **settings)["valid"]
    listed = answer("tag", "-l", "v2", cwd=copy, **settings)
    assert listed[0]["message"] == "As released" and listed[0]["signed"] is True
    log = inside("log", "--show-signature", cwd=copy, **settings).stdout
    assert "good by ada@example.org" in log and "not signed" in log
    entries = answer("log", "--show-signature", cwd=copy, **settings)
    assert [entry["signature"]["valid"] for entry in entries] == [True, False, False]
    assert "good" in inside("log", "--oneline", "--show-signature", cwd=copy, **settings).stdout
    (tmp_path / "ben").mkdir()
    other = allowed(tmp_path / "ben", ("ben@example.org", ssh_key(tmp_path, "other")))
    mistrusted = inside("verify-tag", "v2", "--allowed-signers", other, cwd=copy, **settings)
    assert mistrusted.returncode == 1 and "NOT GOOD" in mistrusted.stdout


def test_a_preference_signs_every_commit(copy: Path, settings: dict[str, Any]) -> None:
    answer("config", "--global", "commit.sign", "true", cwd=copy, **settings)
    answer("rollback", "v1", cwd=copy, **settings)
    assert answer("verify-commit", "HEAD", cwd=copy, **settings)["valid"]
    answer("commit", "--amend", "--no-edit", "--no-sign", cwd=copy, **settings)
    assert inside("verify-commit", "HEAD", cwd=copy, **settings).returncode == 1


def test_a_store_may_not_say_whom_to_trust(copy: Path, settings: dict[str, Any], tmp_path: Path) -> None:
    for key in ("gpg.program", "gpg.ssh.program", "gpg.ssh.allowedSignersFile", "gpg.format"):
        refused = inside("config", key, "x", cwd=copy, **settings)
        assert refused.returncode == 2 and "--global" in refused.stderr
    # Neither by its file, which may have come from elsewhere.
    answer("commit", "--amend", "--no-edit", "-S", cwd=copy, **settings)
    (tmp_path / "eve").mkdir()
    other = allowed(tmp_path / "eve", ("eve@example.org", ssh_key(tmp_path, "other")))
    config = copy / ".wisedb" / "config.toml"
    config.write_text(config.read_text() + f'\n[config.gpg.ssh]\nprogram = "false"\nallowedsignersfile = "{other}"\n')
    found = inside("verify-commit", "HEAD", "--json", cwd=copy, **settings)
    assert found.returncode == 0 and json.loads(found.stdout)["signer"] == "ada@example.org"
    assert "gpg.ssh.allowedsignersfile, gpg.ssh.program" in json.loads(found.stderr)["warning"]["message"]


def test_push_can_require_signatures(copy: Path, settings: dict[str, Any], tmp_path: Path) -> None:
    refused = inside("push", tmp_path / "pack", "--require-signed", "--json", cwd=copy, **settings)
    assert refused.returncode == 1 and json.loads(refused.stderr)["error"]["kind"] == "not-signed"
    assert not (tmp_path / "pack" / "manifests").exists()


def test_without_a_key_it_says_what_to_do(copy: Path, tmp_path: Path) -> None:
    none = {"WISEDB_CONFIG": str(tmp_path / "none.toml")}
    done = inside("commit", "--amend", "--no-edit", "-S", cwd=copy, **none)
    assert done.returncode == 1 and "user.signingkey" in done.stderr
