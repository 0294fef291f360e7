"""Editors are found by their names, without torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.editors.protocol import Editor, editor, editors
from wisedb.errors import UnknownEditor


def test_wise_is_an_editor() -> None:
    wise: Editor = editor("wise")
    assert wise.name == "wise"
    assert wise.settings_type is KeyedSettings
    assert wise.configure({"steps": 3}) == KeyedSettings(steps=3)
    assert wise.plan([], [], (), KeyedSettings(), 0) == []


def test_every_named_editor_is_there() -> None:
    assert [editor(name).name for name in editors()] == list(editors())


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownEditor) as caught:
        editor("wsie")
    assert "wise" in caught.value.hint


def test_names_and_settings_need_no_torch() -> None:
    code = (
        "import sys; from wisedb.editors.protocol import editors; from wisedb.editors.keyed.sharding import plan; "
        "from wisedb.editors.keyed.settings import KeyedSettings; assert editors(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
