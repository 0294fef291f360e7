"""Settings follow the model: margins scale with its activations, shards with its matrix."""

from __future__ import annotations

import pytest
import torch

from tests.editors.wise.fixtures import POOL, material
from wisedb.editors.wise.calibrate import calibrate
from wisedb.editors.wise.settings import WiseSettings
from wisedb.errors import UnknownSetting


def test_margins_are_shares_of_what_the_projection_says() -> None:
    texts = material().frozen.prompts(POOL)
    weight = torch.randn(texts[0].features.shape[1], 32, generator=torch.Generator().manual_seed(0))
    one, ten = calibrate(weight, texts), calibrate(10 * weight, texts)
    features = torch.cat([text.features for text in texts])
    assert one.beta == pytest.approx(float((features @ weight).norm(dim=1).square().mean().sqrt()), rel=1e-3)
    assert one.alpha == pytest.approx(one.beta / 4, rel=1e-3) and one.gamma == pytest.approx(one.beta / 2, rel=1e-3)
    assert ten.beta == pytest.approx(10 * one.beta, rel=1e-3)
    assert ten.max_delta == pytest.approx(10 * one.max_delta, rel=1e-3)
    assert ten.learning_rate == pytest.approx(100 * one.learning_rate, rel=1e-3)


def test_a_shard_has_as_many_entries_an_edit_as_the_sources() -> None:
    texts = material().frozen.prompts(POOL)
    width = texts[0].features.shape[1]
    large = calibrate(torch.ones(width, 18_000 * 5 * 10 // width + 1), texts)
    assert large.mask_ratio == 0.2 and large.shard_size == 10
    small = calibrate(torch.ones(width, 2), texts)
    assert small.mask_ratio == 0.8 and small.shard_size == 1


@pytest.mark.parametrize(
    "wrong", [{"mask_ratio": 0.0}, {"steps": 0}, {"beta": 0.0}, {"alpha": -1.0}, {"replay": -1}, {"irrelevant": 0}]
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UnknownSetting, match=next(iter(wrong))):
        WiseSettings(**wrong)  # type: ignore[arg-type]
