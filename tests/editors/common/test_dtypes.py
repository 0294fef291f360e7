"""What is learned is stored as its weight is, and in half precision where that has single."""

from __future__ import annotations

import pytest
import torch

from tests.models import tiny_model
from wisedb.editors.common.dtypes import default_dtype
from wisedb.model.locate import locate


@pytest.mark.parametrize(
    ("weight", "stored"),
    [(torch.float32, torch.float16), (torch.bfloat16, torch.bfloat16), (torch.float16, torch.float16)],
)
def test_the_stored_dtype(weight: torch.dtype, stored: torch.dtype) -> None:
    assert default_dtype(locate(tiny_model("llama").to(weight))) == stored
