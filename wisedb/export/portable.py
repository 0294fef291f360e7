"""A model from an adapter folder, ours or that of PEFT: no store is needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from wisedb.errors import UsageError
from wisedb.export.adapter import is_adapter, read_adapter
from wisedb.export.peft.folder import is_peft, read_peft
from wisedb.model.recognise import load_for
from wisedb.serving.assemble import check_mode
from wisedb.serving.attached import attach_all, warn_where_saved
from wisedb.serving.memory_codec import read_memories
from wisedb.serving.merge_memories import merge_by_ties

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def is_portable(folder: Path) -> bool:
    """Whether a folder is what ``wisedb export`` writes as ``adapter`` or ``peft``."""
    return is_adapter(folder) or is_peft(folder)


def load_portable(
    folder: Path, mode: str = "retrieve", **kwargs: Any
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load the base model and attach an adapter's memories.

    Args:
        folder: an adapter folder.
        mode: ``retrieve`` (the memory that fires answers), ``merge`` (one memory, the TIES merge of all), ``context``
            where all its memories are of that kind, or ``base``.
        **kwargs: as in :func:`wisedb.model.recognise.load_for`.

    Returns:
        a ``transformers`` model of its own class, and its tokenizer.

    Raises:
        UsageError: no such mode, or one that an adapter can't have.
        ModelNotFound, BaseModelMismatch: the base model is not there, or is another one.
        CorruptObject, FormatTooNew: the folder can't be read.
    """
    chosen = check_mode(mode)
    adapter = read_adapter(folder) if is_adapter(folder) else read_peft(folder)
    entries = () if chosen == "base" else adapter.commit.memories
    memories = read_memories(adapter.objects, entries)
    if chosen == "hybrid" or (chosen == "context" and any(memory.change.kind != "context" for memory in memories)):
        raise UsageError(
            f"an adapter holds no texts of its facts, which the mode '{chosen}' needs",
            hint="Load the store or the pack, or export a commit of the editor 'context'.",
        )
    wanted = merge_by_ties(adapter.commit, memories) if chosen == "merge" else memories
    base = load_for(adapter.commit.base, **kwargs)
    if wanted:
        attach_all(base, wanted)
    base.model.generation_config = base.generation
    warn_where_saved(base.model)
    return base.model, base.tokenizer
