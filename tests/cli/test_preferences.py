"""What a store's own configuration says counts for what harms nobody, and only where the store is one's own."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import answer, inside
from tests.store.index.synthetic import Builder

PLANTED = {
    "core": {"pager": "touch pwned", "editor": "touch pwned"},
    "safe": {"directory": "*"},
    "push": {"allow-secrets": True, "endpoint": "https://evil.example", "force": True},
    "init": {"trust-remote-code": True},
    "log": {"number": 1},
}


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A folder with a store whose configuration somebody else wrote."""
    import tomli_w

    store = Builder.make(tmp_path, capacity=2).store
    path = store.root / "config.toml"
    path.write_text(path.read_text() + "\n" + tomli_w.dumps({"config": PLANTED}))
    return store.root.parent


def test_what_a_store_wants_run_trusted_or_sent_is_passed_over_and_told(planted: Path) -> None:
    done = inside("log", cwd=planted)
    assert done.returncode == 0
    names = (
        "core.editor",
        "core.pager",
        "init.trust-remote-code",
        "push.allow-secrets",
        "push.endpoint",
        "push.force",
        "safe.directory",
    )
    assert done.stderr.count("passed over") == 1 and done.stderr.endswith(f"passed over: {', '.join(names)}\n")
    from wisedb.cli.session import Session

    session = Session(directory=planted)
    assert {key for key in session.preferences if not key.startswith("user.")} >= {"log.number"}
    assert not set(names) & set(session.preferences)


def test_such_a_preference_is_set_for_oneself_alone(planted: Path, tmp_path: Path) -> None:
    own = {"WISEDB_CONFIG": str(tmp_path / "own.toml")}
    done = inside("config", "core.pager", "less", cwd=planted, **own)
    assert done.returncode == 2 and "--global" in done.stderr
    assert inside("config", "--global", "core.pager", "less", cwd=planted, **own).returncode == 0
    assert inside("config", "--unset", "core.pager", cwd=planted, **own).returncode == 0


def test_another_users_store_is_refused_until_somebody_says_so(
    planted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)
    own = {"WISEDB_CONFIG": str(tmp_path / "own.toml")}
    (planted / "below").mkdir()
    for words in (("log",), ("facts", "--json"), ("-C", str(planted), "status"), ("fsck",)):
        done = inside(*words, cwd=planted / "below", **own)
        assert done.returncode == 1 and "belongs to user" in done.stderr and done.stdout == ""
        assert "passed over" not in done.stderr  # not even its configuration is read
    refused = json.loads(inside("log", "--json", cwd=planted, **own).stderr)
    assert refused["error"]["kind"] == "unsafe-owner"
    hint = refused["error"]["hint"]
    command = hint.rpartition("wisedb ")[2].split()
    assert inside(*command, cwd=planted, **own).returncode == 0
    assert inside("log", cwd=planted / "below", **own).returncode == 0


def test_an_environment_may_trust_a_store_and_so_may_sudo(
    planted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = planted.stat().st_uid
    own = {"WISEDB_CONFIG": str(tmp_path / "none.toml")}
    other = owner + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)
    assert inside("log", cwd=planted, **own).returncode == 1
    assert inside("log", cwd=planted, **own, WISEDB_SAFE_DIRECTORY=f"/x{os.pathsep}{planted}").returncode == 0
    assert inside("log", cwd=planted, **own, SUDO_UID=str(owner)).returncode == 1  # nobody but root has a caller
    monkeypatch.setattr("wisedb.store.owner.os.geteuid", lambda: 0)
    if owner != 0:
        assert inside("log", cwd=planted, **own).returncode == 1
        assert inside("log", cwd=planted, **own, SUDO_UID=str(owner)).returncode == 0


def test_a_persons_own_preferences_count(planted: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[core]\npager = "cat"\n')
    told = answer("config", "--list", "--global", cwd=tmp_path, WISEDB_CONFIG=str(own))
    assert told == {"core.pager": "cat"}
