"""What is installed, against what wisedb says that it needs."""

from __future__ import annotations

from importlib import metadata

import pytest

from wisedb.doctor import software as module
from wisedb.doctor.check import NOTE, OK, WRONG
from wisedb.doctor.software import software


def test_here_everything_that_is_needed_is_installed() -> None:
    found = {check.name: check for check in software()}
    assert found["python"].state == OK and found["packages"].state == OK
    assert f"torch {metadata.version('torch')}" in found["packages"].detail
    assert {name for name in found if name.startswith("extra ")} == {
        f"extra {name}" for name in metadata.metadata("wisedb").get_all("Provides-Extra") or () if name != "dev"
    }


def test_what_is_missing_or_too_old_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [
        "click>=999",
        "no-such-package",
        "torch>=1",
        'other-package; extra == "more"',
        'never; python_version < "3"',
    ]
    monkeypatch.setattr(module, "requires", lambda name: wanted)
    found = {check.name: check for check in software()}
    assert found["packages"].state == WRONG
    assert "click is" in found["packages"].detail and "no-such-package is not installed" in found["packages"].detail
    assert "never" not in found["packages"].detail and "torch" not in found["packages"].detail


def test_an_extra_that_lacks_something_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    names = metadata.metadata("wisedb").get_all("Provides-Extra") or ()
    monkeypatch.setattr(module, "requires", lambda name: [f'no-such-package; extra == "{each}"' for each in names])
    extras = [check for check in software() if check.name.startswith("extra ")]
    assert extras and all(check.state == NOTE and "pip install" in check.hint for check in extras)


def test_a_distribution_that_is_not_installed() -> None:
    (check,) = software("no-such-distribution")
    assert check.state == WRONG
