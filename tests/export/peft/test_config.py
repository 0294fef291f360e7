"""The configuration of an adapter: what is damaged in it is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import wisedb
from wisedb.errors import BaseModelMismatch, CorruptObject, FormatTooNew, WisedbError


def _set(*keys: str | int, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(config: dict[str, Any]) -> None:
        part: Any = config
        for key in keys[:-1]:
            part = part[key]
        part[keys[-1]] = value

    return change


DELTA = ("memories", 0, "blobs", "delta")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (_set("format", value=3), FormatTooNew),
        (_set("mode", value="sometimes"), CorruptObject),
        (_set("memories", value="none"), CorruptObject),
        (_set("memories", 0, "id", value="../../etc"), CorruptObject),
        (_set(*DELTA, "id", value="x"), CorruptObject),
        (_set(*DELTA, "arrays", "values", "shape", value=[3]), CorruptObject),
        (_set(*DELTA, "arrays", "values", "dtype", value="U8"), CorruptObject),
        (_set(*DELTA, "arrays", "values", "dtype", value="F8_E4M3"), CorruptObject),
        (_set(*DELTA, "arrays", value={}), CorruptObject),
        (_set(*DELTA, "meta", "origin", value="0" * 64), CorruptObject),
        (_set(*DELTA, "meta", "threshold", value=-1.0), CorruptObject),
        (_set("base", "weights", value=None), CorruptObject),
        (_set("base", value={}), CorruptObject),
        (_set("base", "weights", value="0" * 64), BaseModelMismatch),
        (_set("peft_type", value="WISE"), WisedbError),
    ],
)
def test_a_damaged_configuration_is_refused(
    adapter: Path, tmp_path: Path, change: Callable[[dict[str, Any]], None], error: type[WisedbError]
) -> None:
    copy = shutil.copytree(adapter, tmp_path / "copy")
    config = json.loads((copy / "adapter_config.json").read_text())
    change(config)
    (copy / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(error) as refused:
        wisedb.load(copy)
    assert refused.value.hint
