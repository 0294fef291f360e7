"""Editors are found by their names, without torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.editors.registry import editors, find
from wisedb.errors import UnknownEditor


def test_keyed_is_an_editor() -> None:
    keyed = find("keyed")
    assert keyed.name == "keyed"
    assert keyed.configure({"steps": 3}) == KeyedSettings(steps=3)
    assert keyed.plan([], [], (), KeyedSettings(), 0) == []


def test_every_named_editor_is_there() -> None:
    assert [find(name).name for name in editors()] == list(editors())


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownEditor) as caught:
        find("kyed")
    assert "keyed" in caught.value.hint


def test_names_and_settings_need_no_torch() -> None:
    code = (
        "import sys; from wisedb.editors.registry import editors; from wisedb.editors.keyed.sharding import plan; "
        "from wisedb.editors.keyed.settings import KeyedSettings; assert editors(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
