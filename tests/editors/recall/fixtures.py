"""Tiny models made ready for fitting rows."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

from tests.editors.keyed.fixtures import POOL
from tests.models import tiny_tokenizer
from wisedb.editors.common.covariance import compute_covariance
from wisedb.editors.common.dtypes import default_dtype
from wisedb.editors.recall.context import RowContext
from wisedb.model.find_cached_forward import find_cached_forward
from wisedb.model.locate import locate


def context_of(model: PreTrainedModel) -> RowContext:
    """A model made ready; its second moment is that of random texts."""
    where = locate(model.eval(), layer=1)
    forward = find_cached_forward(model, where)
    texts = torch.randint(3, 290, (40, 20), generator=torch.Generator().manual_seed(0)).tolist()
    solver = compute_covariance(forward, texts).solver()
    return RowContext(tiny_tokenizer(), forward, POOL, solver, default_dtype(where))
