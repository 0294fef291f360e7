"""What the router costs: one pass over a prompt, unedited and with memories that are asked."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from wisedb.repository import Repository
from wisedb.serving.assemble import Mode, attached_at_commit


@pytest.mark.parametrize("mode", ["base", "retrieve", "merge"])
def test_route_a_prompt(benchmark: Any, repository: Repository, mode: Mode) -> None:
    store, base = repository.store, repository.base
    prompt = repository.facts()[0].prompt
    ids = base.tokenizer(prompt, return_tensors="pt")["input_ids"].to(base.model.device)
    with attached_at_commit(store, base, store.objects.commit(store.resolve("HEAD")), mode), torch.no_grad():
        benchmark(base.model, input_ids=ids, labels=ids)
