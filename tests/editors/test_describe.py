"""What each setting is for is said of every editor, whether its class or one that it builds on says it."""

from __future__ import annotations

import pytest

from wisedb.editors.describe import settings_help
from wisedb.editors.registry import editors


@pytest.mark.parametrize("editor", editors())
def test_every_setting_of_every_editor_is_explained(editor: str) -> None:
    assert [each.name for each in settings_help(editor) if not each.help] == []


def test_settings_of_a_class_that_it_builds_on_are_explained_too() -> None:
    said = {each.name: each.help for each in settings_help("memit")}
    assert said["covariance_weight"].startswith("λ / d_ff") and said["layers"].startswith("how many layers")
