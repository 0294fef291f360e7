"""A commit's memories as a configuration and named tensors, and back.

The arrays of the memories' blobs are taken over one by one and read by :mod:`wisedb.serving.memory_codec`, which
alone knows what they mean: a new kind of memory needs nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from wisedb.canonical import digest
from wisedb.errors import CorruptObject, WisedbError
from wisedb.export.adapter import Adapter, entries_of, state
from wisedb.model.tensors import DTYPES, to_raw
from wisedb.serving.blobs import BlobSource, PendingBlobs
from wisedb.serving.memory_codec import part_of
from wisedb.store.blobs import Array, Blob, byte_count
from wisedb.store.memory_entry import MemoryEntry

if TYPE_CHECKING:
    from wisedb.export.peft.config import MemoryConfig

_HINT = "Export the adapter again."

# What a main blob's meta say of its training, which an adapter doesn't go on with: lists as long as all its edits.
_TRAINING = ("stream", "activations", "statistics")


def describe(
    source: BlobSource, memories: Iterable[MemoryEntry]
) -> tuple[list[dict[str, Any]], dict[str, torch.Tensor]]:
    """The memories of a commit for :class:`~wisedb.export.peft.config.MemoryConfig`, and their tensors by name.

    Raises:
        MissingObject, CorruptObject: a blob is not there, or damaged.
    """
    records: list[dict[str, Any]] = []
    tensors: dict[str, torch.Tensor] = {}
    for number, entry in enumerate(memories):
        blobs = {role: source.get(blob_id) for role, blob_id in sorted(entry.blobs.items())}
        for role, blob in blobs.items():
            held = part_of(blob).tensors
            tensors |= {_name(number, role, name): held[name] for name in sorted(held)}
        records.append(
            {
                **entry.to_json(),
                "blobs": {
                    role: {
                        "id": entry.blobs[role],
                        "kind": blob.kind,
                        "meta": {
                            key: value
                            for key, value in blob.meta.items()
                            if entry.blobs[role] != entry.main or key not in _TRAINING
                        },
                        "arrays": {
                            name: {
                                "dtype": array.dtype,
                                "shape": list(array.shape),
                                "sha256": digest(array.data),
                            }
                            for name, array in sorted(blob.arrays.items())
                        },
                    }
                    for role, blob in blobs.items()
                },
            }
        )
    return records, tensors


def empty_tensors(records: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
    """Tensors of the names, dtypes and shapes that the memories need; numbers in them are not finite until loaded.

    Raises:
        CorruptObject: the records describe no memories.
    """
    return {
        name: torch.full(shape, torch.nan if dtype.is_floating_point else 0, dtype=dtype)
        for name, dtype, shape in _expected(records)
    }


def adapter_of(config: MemoryConfig, tensors: Mapping[str, torch.Tensor]) -> Adapter:
    """The memories that configuration and tensors make.

    Args:
        config: what :func:`describe` said.
        tensors: by name, on any device; floating-point ones may have been cast, and are then not checked.

    Raises:
        CorruptObject: a tensor is missing, has another shape or other values than were exported, or the parts are none
            of a commit's.
    """
    blobs = PendingBlobs(_Nothing())
    try:
        # In the dtype of the store, on which the last bits of a merge depend.
        loaded = {
            name: _checked(name, tensors.get(name), dtype, shape).to(dtype)
            for name, dtype, shape in _expected(config.memories)
        }
        entries: list[dict[str, Any]] = []
        for number, record in enumerate(config.memories):
            for role, blob in record["blobs"].items():
                arrays = {name: Array(*to_raw(loaded[_name(number, role, name)])) for name in blob["arrays"]}
                for name, array in arrays.items():
                    full = _name(number, role, name)
                    _check_values(full, array, tensors[full].dtype, blob["arrays"][name].get("sha256"))
                # Under the id that it has in the store, whatever was left out here.
                blobs.blobs[blob["id"]] = Blob(blob["kind"], blob["meta"], arrays)
            named = {role: blob["id"] for role, blob in record["blobs"].items()}
            entries.append({**record, "blobs": named})
        memories = entries_of(entries, config.base.get("target"))
        return Adapter(str(config.commit), state(config.base, memories, config.merged), blobs)
    except CorruptObject:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, WisedbError) as error:
        raise _corrupt(error) from error


class _Nothing:
    """A source with no blob in it."""

    def get(self, blob_id: str, /) -> Blob:
        raise CorruptObject(f"the adapter has no blob {blob_id[:12]}", hint=_HINT)

    def ensure(self, blob_ids: Iterable[str], /) -> None:
        """There is nothing to bring; :meth:`get` says what is missing."""


def _expected(records: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, torch.dtype, tuple[int, ...]]]:
    try:
        for number, record in enumerate(records):
            for role, blob in record["blobs"].items():
                for name, array in blob["arrays"].items():
                    shape = tuple(array["shape"])
                    byte_count(array["dtype"], shape)
                    yield _name(number, role, name), DTYPES[array["dtype"]], shape
    except (ValueError, KeyError, TypeError, AttributeError, WisedbError) as error:
        raise _corrupt(error) from error


def _checked(name: str, found: torch.Tensor | None, dtype: torch.dtype, shape: tuple[int, ...]) -> torch.Tensor:
    if found is None or found.is_meta:
        raise CorruptObject(f"the adapter's tensor '{name}' was not loaded", hint=_HINT)
    same = found.is_floating_point() if dtype.is_floating_point else found.dtype == dtype
    if found.shape != shape or not same:
        raise CorruptObject(
            f"the adapter's tensor '{name}' is {found.dtype} {list(found.shape)} instead of {dtype} {list(shape)}",
            hint=_HINT,
        )
    return found


def _check_values(name: str, array: Array, dtype: torch.dtype, sha256: str | None) -> None:
    # Exports of earlier versions have no checksums.
    if sha256 is not None and dtype == DTYPES[array.dtype] and digest(array.data) != sha256:
        raise CorruptObject(f"the adapter's tensor '{name}' has other values than were exported", hint=_HINT)


def cast_tensors(config: MemoryConfig, tensors: Mapping[str, torch.Tensor]) -> list[str]:
    """The names of tensors that are of another dtype than was exported, so that nothing tells whether they changed."""
    return [name for name, dtype, _ in _expected(config.memories) if name in tensors and tensors[name].dtype != dtype]


def _name(number: int, role: str, array: str) -> str:
    return f"{number}_{role}_{array}"


def _corrupt(error: Exception) -> CorruptObject:
    return CorruptObject(f"the adapter's configuration can't be read: {' '.join(str(error).split())}", hint=_HINT)
