"""AlphaEdit's settings refuse what can't be, those that it shares with others too."""

from __future__ import annotations

from typing import Any

import pytest

from wisedb.editors.alphaedit.settings import AlphaEditSettings
from wisedb.errors import UnknownSetting


@pytest.mark.parametrize("wrong", [{"threshold": 0.0}, {"ridge": 0.0}, {"steps": 0}, {"gate": "nearest"}])
def test_values_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UnknownSetting):
        AlphaEditSettings(**wrong)
