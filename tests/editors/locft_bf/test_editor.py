"""LocFT-BF: every epoch goes over all that the memory holds."""

from __future__ import annotations

from random import Random

import torch

from tests.editors.fine_tuned import EDITS, frozen_of, plain_loss, zero
from wisedb.editors.common.fine_tuning import Schedule, fit, output_unit
from wisedb.editors.common.frozen import Frozen
from wisedb.editors.ft_m.editor import EDITOR as FT_M
from wisedb.editors.ft_m.settings import FtMSettings
from wisedb.editors.locft_bf.editor import EDITOR
from wisedb.editors.locft_bf.settings import LocFtBfSettings
from wisedb.model.locate import weight_of

SETTINGS = LocFtBfSettings(steps=12, minibatch=2, learning_rate=1.0, enough=0.0)


def _loss_of_the_first(frozen: Frozen, delta: torch.Tensor) -> float:
    weight = weight_of(frozen.projection)
    before = weight.detach().clone()
    with torch.no_grad():
        weight += delta
        found = float(plain_loss(frozen, EDITS[:1], end=True))
        weight.copy_(before)
    return found


def test_an_epoch_is_the_earlier_edits_and_the_new_ones_shuffled_together() -> None:
    frozen = frozen_of("llama")
    texts = frozen.edits(EDITS, end=True)
    found = EDITOR.write(frozen, SETTINGS, zero(frozen), texts[:1], texts[1:], Random(3)).delta
    schedule = Schedule(12, 2, output_unit(frozen.weight), 0.0)
    assert torch.equal(found, fit(frozen, texts, zero(frozen), schedule, chooser=Random(3)).delta)
    assert not torch.equal(found, fit(frozen, texts, zero(frozen), schedule).delta)


def test_what_an_earlier_commit_wrote_is_kept_better_than_by_ft_m() -> None:
    frozen = frozen_of("llama")
    texts = frozen.edits(EDITS, end=True)
    written = EDITOR.write(frozen, SETTINGS, zero(frozen), [], texts[:1], Random(0)).delta
    plain = FtMSettings(steps=12, minibatch=2, learning_rate=1.0, enough=0.0)
    forgotten = FT_M.write(frozen, plain, written, [], texts[1:], Random(0)).delta
    kept = EDITOR.write(frozen, SETTINGS, written, texts[:1], texts[1:], Random(0)).delta
    assert _loss_of_the_first(frozen, kept) < _loss_of_the_first(frozen, written) + 0.2
    assert _loss_of_the_first(frozen, kept) < _loss_of_the_first(frozen, forgotten) - 0.2
