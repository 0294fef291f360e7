"""FT-L: each edit alone, within the ball around the base model's weights."""

from __future__ import annotations

from random import Random

import pytest
import torch
from torch import Tensor

from tests.editors.fine_tuned import EDITS, frozen_of, plainly_fitted, zero
from wisedb.editors.common.fine_tuning import output_unit
from wisedb.editors.ft_l.editor import EDITOR
from wisedb.editors.ft_l.settings import FtLSettings
from wisedb.errors import UnknownSetting


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_an_edit_is_projected_gradient_descent_from_where_the_earlier_ones_are(family: str) -> None:
    frozen = frozen_of(family)
    settings = FtLSettings(steps=5, learning_rate=2.0, max_delta=3.0, enough=0.0)
    unit = output_unit(frozen.weight)
    start = zero(frozen)
    start[::2] = 2.5 * unit
    found = EDITOR.write(frozen, settings, start, [], frozen.edits(EDITS[:1], end=False), Random(0)).delta
    bound = float(torch.tensor(3.0 * unit, dtype=frozen.stored_dtype))
    turned = frozen.projection.transposed
    weight = frozen.projection.module.get_parameter("weight")
    earlier = start.T if turned else start

    def onto_the_ball(moved: Tensor, before: Tensor) -> None:
        # ``before`` has the earlier edits in it; the ball is around what was there without them.
        base = before - earlier
        moved.copy_(base + (moved - base).clamp(-bound, bound))

    with torch.no_grad():
        weight.add_(earlier)
    wanted = start + plainly_fitted(frozen, [EDITS[:1]] * 5, 2.0 * unit, after=onto_the_ball)
    with torch.no_grad():
        weight.sub_(earlier)
    torch.testing.assert_close(found, wanted, rtol=2e-3, atol=2e-3 * unit)
    assert float(found.abs().max()) <= bound


def test_what_is_stored_stays_within_the_ball() -> None:
    frozen = frozen_of("llama")
    settings = FtLSettings(steps=8, learning_rate=2.0, max_delta=1.1)
    found = EDITOR.write(frozen, settings, zero(frozen), [], frozen.edits(EDITS[:1], end=False), Random(0)).delta
    stored = found.to(frozen.stored_dtype)
    assert torch.equal(stored.float().abs().max(), found.abs().max())
    assert float(stored.float().abs().max()) == pytest.approx(1.1 * output_unit(frozen.weight), rel=1e-3)


@pytest.mark.parametrize("name", ["steps", "learning_rate", "max_delta"])
def test_settings_out_of_range_are_refused(name: str) -> None:
    with pytest.raises(UnknownSetting, match=name):
        EDITOR.configure({name: 0})
    with pytest.raises(UnknownSetting, match="gate"):
        EDITOR.configure({"gate": "activation"})
