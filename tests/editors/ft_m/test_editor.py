"""FT-M: a commit's edits in minibatches, what came before them left alone."""

from __future__ import annotations

from random import Random

import torch

from tests.editors.fine_tuned import EDITS, frozen_of, plainly_fitted, zero
from wisedb.editors.common.fine_tuning import output_unit
from wisedb.editors.ft_m.editor import EDITOR
from wisedb.editors.ft_m.settings import FtMSettings
from wisedb.editors.streams import Held


def test_a_commit_is_epochs_over_its_edits_in_order_with_their_end() -> None:
    frozen = frozen_of("llama")
    settings = FtMSettings(steps=2, minibatch=2, learning_rate=2.0, enough=0.0)
    rate = 2.0 * output_unit(frozen.weight)
    texts = frozen.edits(EDITS, end=settings.end)
    found = EDITOR.write(frozen, settings, zero(frozen), [], texts, Random(0)).delta
    wanted = plainly_fitted(frozen, [EDITS[:2], EDITS[2:]] * 2, rate, end=True)
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-2 * rate)


def test_what_one_commit_brings_is_one_batch() -> None:
    (first,) = EDITOR.plan([], EDITS[:2], (), FtMSettings(), 0)
    (second,) = EDITOR.plan([Held("one", first.stream, 1)], EDITS[2:], (), FtMSettings(), 0)
    assert [item.batch for item in second.stream] == [0, 0, 1]
