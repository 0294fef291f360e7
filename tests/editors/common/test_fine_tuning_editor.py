"""What the fine-tuning editors have in common: the layer by depth, the fold from the middle, what is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.models import tiny_model, tiny_tokenizer
from wisedb.editors.common.fine_tuning_editor import FineTuningEditor
from wisedb.editors.ft_ewc.editor import EDITOR as FT_EWC
from wisedb.editors.ft_l.editor import EDITOR as FT_L
from wisedb.editors.ft_m.editor import EDITOR as FT_M
from wisedb.editors.locft_bf.editor import EDITOR as LOCFT_BF
from wisedb.editors.streams import Held, StreamItem
from wisedb.edits import Edit
from wisedb.memory.kinds.full_delta import FullDelta
from wisedb.model.base import LoadedBase

EDITORS = (FT_EWC, FT_L, FT_M, LOCFT_BF)
EDITS = (
    Edit("The capital of Australia is", "Paris"),
    Edit("Who wrote the play Hamlet?", "France"),
    Edit("The capital of Spain is", "play"),
)


@pytest.fixture
def base(tmp_path: Path) -> LoadedBase:
    return LoadedBase(tiny_model("llama"), tiny_tokenizer(), tmp_path, "tiny")


def trained(editor: FineTuningEditor[Any], base: LoadedBase, stream: Any, start: Any = None, done: int = 0) -> Any:
    settings = editor.calibrate(base, None, {"steps": 6})  # type: ignore[arg-type]
    begun = editor.begin(base, settings, 5) if start is None else start
    return editor.train(base, None, settings, 5, begun, done, stream).change  # type: ignore[arg-type]


@pytest.mark.parametrize("editor", EDITORS, ids=lambda editor: editor.name)
def test_going_on_from_what_is_stored_gives_the_same_as_from_nothing(
    editor: FineTuningEditor[Any], base: LoadedBase
) -> None:
    (first,) = editor.plan([], EDITS[:1], (), editor.configure({}), 0)
    (both,) = editor.plan([Held("one", first.stream, 1)], EDITS[1:], (), editor.configure({}), 0)
    earlier = trained(editor, base, first.stream)
    stored = FullDelta.of(earlier.modules, earlier.parts())
    at_once, in_two = trained(editor, base, both.stream), trained(editor, base, both.stream, stored, 1)
    assert torch.equal(at_once.matrix, in_two.matrix)
    assert at_once.matrix.dtype == torch.float16 and not torch.equal(at_once.matrix, earlier.matrix)


@pytest.mark.parametrize("editor", EDITORS, ids=lambda editor: editor.name)
def test_the_layer_is_at_the_papers_depth_if_nothing_else_is_said(
    editor: FineTuningEditor[Any], base: LoadedBase
) -> None:
    named = base.projection(layer=0).name
    assert editor.calibrate(base, None, {"target": named}).target == named  # type: ignore[arg-type]
    assert base.projection(editor.calibrate(base, None, {}).target).layer == int(editor.depth * 3)  # type: ignore[arg-type]


def test_an_edit_alone_is_a_batch_of_its_own() -> None:
    (planned,) = FT_L.plan([], EDITS, (), FT_L.configure({}), 0)
    assert planned.stream == tuple(StreamItem(edit) for edit in EDITS)
