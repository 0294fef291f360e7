"""The adapter folder: a commit's memories and a reference to the base model, readable without the store.

::

    adapter.json                      format, commit, base model, how memories merge, the list of memories
    objects/ab/cdef….safetensors      their blobs, as in a store, each standing alone
    README.md
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wisedb.canonical import canonical_json
from wisedb.config import BaseModel, EditorChoice
from wisedb.errors import CorruptObject, FormatTooNew, WisedbError
from wisedb.store.commits import Commit
from wisedb.store.memory_entry import MemoryEntry
from wisedb.store.objects import Objects

if TYPE_CHECKING:
    from wisedb.serving.blobs import BlobSource

FILE = "adapter.json"
FORMAT = 2

_OBJECTS = "objects"
_README = """# {count} edited facts for {model}

Side memories of wisedb, exported from commit `{commit}`. They need the base model `{model}`:

```python
import wisedb

model, tokenizer = wisedb.load("PATH-OF-THIS-FOLDER")
```

A memory answers only the prompts that activate it; everything else is answered by the base model.
"""


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter folder, read.

    Attributes:
        commit_id: the commit that it was exported from.
        commit: what of that commit is needed to assemble a model.
        objects: its blobs.
    """

    commit_id: str
    commit: Commit
    objects: BlobSource


def is_adapter(folder: Path) -> bool:
    """Whether a folder is an adapter."""
    return (folder / FILE).is_file()


def write_adapter(source: BlobSource, commit_id: str, commit: Commit, folder: Path) -> None:
    """Write a commit's memories, whose blobs are on the source, to an empty folder."""
    objects = Objects(folder / _OBJECTS)
    for blob_id in dict.fromkeys(blob for memory in commit.memories for blob in memory.blobs.values()):
        # Without a neighbour: the store's differences to other versions don't travel.
        objects.put(source.get(blob_id))
    document = {
        "format": FORMAT,
        "commit": commit_id,
        "base": commit.base.to_json(),
        "merged": commit.merged,
        "memories": [memory.to_json() for memory in commit.memories],
    }
    (folder / FILE).write_bytes(json.dumps(document, indent=2, sort_keys=True).encode() + b"\n")
    readme = _README.format(count=edit_count(source, commit), model=commit.base.source, commit=commit_id)
    (folder / "README.md").write_text(readme, encoding="utf-8")


def edit_count(source: BlobSource, commit: Commit) -> int:
    """How many edits a commit's memories hold."""
    return sum(len(source.get(memory.main).meta.get("edits", ())) for memory in commit.memories)


def read_adapter(folder: Path) -> Adapter:
    """Read an adapter folder. Nothing in it is believed: ids and blobs are checked when they are read.

    Raises:
        FormatTooNew: a newer wisedb wrote it.
        CorruptObject: it is not what :func:`write_adapter` writes.
    """
    try:
        document = json.loads((folder / FILE).read_bytes())
        if document["format"] > FORMAT:
            raise FormatTooNew(f"{folder} has format {document['format']}", hint="Upgrade wisedb.")
        base = document["base"]
        commit = state(base, entries_of(document["memories"], base.get("target")), document["merged"])
        return Adapter(str(document["commit"]), commit, Objects(folder / _OBJECTS))
    except FormatTooNew:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, WisedbError) as error:
        raise CorruptObject(
            f"{folder / FILE} can't be read: {' '.join(str(error).split())}", hint="Export the adapter again."
        ) from error


def entries_of(records: Iterable[Mapping[str, Any]], target: str | None) -> list[MemoryEntry]:
    """A folder's memories, of whichever format; in format 1 the base model's record says which module they change.

    Raises:
        KeyError, TypeError, InputError: a part is not what it should be.
    """
    return [
        MemoryEntry.from_json(record) if "main" in record else MemoryEntry.from_format_1(record, target)
        for record in records
    ]


def state(base: Mapping[str, Any], memories: Iterable[MemoryEntry], merged: Mapping[str, Any] | None) -> Commit:
    """What of a commit is needed to assemble a model, as a commit without history.

    Raises:
        ValueError, KeyError, TypeError, InputError: a part is not what it should be.
    """
    commit = Commit(
        parents=(),
        author="adapter",
        date="1970-01-01T00:00:00Z",
        message="adapter",
        base=_base(base),
        editor=EditorChoice(),
        memories=tuple(memories),
        merged=merged,
    )
    canonical_json(commit.to_json())
    return commit


def _base(record: Mapping[str, Any]) -> BaseModel:
    return replace(BaseModel.from_json(record), target=None)
