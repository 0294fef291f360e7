"""The statistics that keys rest on, as a resource of a base model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wisedb.editors.common.pool import POOL
from wisedb.editors.resources import Resource, Resources
from wisedb.memory.gates.keys.statistics import Statistics, compute_statistics
from wisedb.memory.kinds.base import Part

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase


def _make(base: LoadedBase, resources: Resources, module: str) -> Part:
    prompts = resources.get(POOL).prompts
    found = compute_statistics(
        base.model, base.projection(module), base.tokenizer, prompts, progress=resources.progress
    )
    return Part({**found.meta(), "pool": resources.blob(POOL)}, found.tensors())


def _read(part: Part) -> Statistics:
    return Statistics.from_tensors(part.tensors, part.meta)


STATISTICS: Final = Resource("statistics", _make, _read)
"""Measured over the pool; where relations are read depends on the module."""
