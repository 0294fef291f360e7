"""FT-EWC: the penalty as it is written, and what it is made of."""

from __future__ import annotations

from random import Random

import pytest
import torch
from torch import Tensor

from tests.editors.fine_tuned import EDITS, frozen_of, plainly_fitted, zero
from wisedb.editors.common.fine_tuning import output_unit
from wisedb.editors.ft_ewc.editor import EDITOR
from wisedb.editors.ft_ewc.fisher import fisher
from wisedb.editors.ft_ewc.settings import FtEwcSettings


@pytest.mark.parametrize("counted", [0, 1])
def test_an_edit_is_pulled_to_where_the_earlier_ones_are_by_their_fisher_information(counted: int) -> None:
    frozen = frozen_of("llama")
    settings = FtEwcSettings(steps=4, learning_rate=2.0, consolidation=0.5, fisher_edits=counted, enough=0.0)
    rate = 2.0 * output_unit(frozen.weight)
    texts = frozen.edits(EDITS, end=False)
    found = EDITOR.write(frozen, settings, zero(frozen), texts[:2], texts[2:], Random(0)).delta
    information = fisher(frozen, texts[1:2] if counted else texts[:2], zero(frozen))

    def consolidation(delta: Tensor) -> Tensor:
        return 0.5 * delta.numel() / 2 * (information * delta * delta).sum()

    wanted = plainly_fitted(frozen, [EDITS[2:]] * 4, rate, more=consolidation)
    torch.testing.assert_close(found, wanted, rtol=1e-2, atol=2e-2 * rate)
    free = EDITOR.write(
        frozen,
        FtEwcSettings(steps=4, learning_rate=2.0, consolidation=0.0, enough=0.0),
        zero(frozen),
        texts[:2],
        texts[2:],
        Random(0),
    ).delta
    assert float((information * found.square()).sum()) < 0.9 * float((information * free.square()).sum())


def test_the_first_edit_is_plain_fine_tuning() -> None:
    frozen = frozen_of("llama")
    texts = frozen.edits(EDITS[:1], end=False)
    one, other = (
        EDITOR.write(frozen, FtEwcSettings(steps=3, consolidation=weight), zero(frozen), [], texts, Random(0)).delta
        for weight in (0.0, 100.0)
    )
    assert torch.equal(one, other)
