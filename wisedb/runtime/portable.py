"""``wisedb.load``: a model from whatever holds one: a store, an adapter folder, later a pack of the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from wisedb.errors import NotAStore, UsageError
from wisedb.runtime.adapter import Adapter, is_adapter, read_adapter
from wisedb.runtime.assemble import answering, attached, check_mode
from wisedb.runtime.base import load_for
from wisedb.runtime.loader import load as load_from_store
from wisedb.runtime.peft.folder import is_peft, read_peft
from wisedb.runtime.shelf import read_memories
from wisedb.store.store import FOLDER, Store

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def load(
    path_or_id: str | Path, revision: str | None = None, mode: str = "retrieve", **kwargs: Any
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load an edited model, ready to use.

    Args:
        path_or_id: a folder with a store, or one that ``wisedb export`` wrote as ``adapter`` or ``peft``.
        revision: of a store: the commit, branch or tag, ``HEAD`` by default.
        mode: ``retrieve`` (the memory that fires answers), ``merge`` (one memory, the TIES merge of all) or ``base``.
        **kwargs: as in :func:`wisedb.runtime.base.load_base`: dtype, device_map, token, cache_dir, local_files_only …

    Returns:
        a ``transformers`` model of its own class, and its tokenizer.

    Raises:
        NotAStore: the folder is neither, or there is no such folder.
        UnknownRevision: no such commit.
        UsageError: no such mode, or a revision of an adapter, which has only one state.
        ModelNotFound, BaseModelMismatch: the base model is not there, or is another one.
        CorruptObject: something in the folder is damaged.
    """
    folder = Path(path_or_id).expanduser()
    if is_adapter(folder) or is_peft(folder):
        if revision is not None:
            raise UsageError(f"{folder} is an adapter and has no revisions", hint="Leave the revision out.")
        return _load_adapter(read_adapter(folder) if is_adapter(folder) else read_peft(folder), mode, kwargs)
    if (folder / FOLDER).is_dir() or folder.name == FOLDER:
        return load_from_store(Store.open(folder), revision or "HEAD", mode, **kwargs)
    if folder.is_dir():
        raise NotAStore(
            f"{folder} holds neither a store nor an adapter",
            hint="A merged export is a plain checkpoint: AutoModelForCausalLM.from_pretrained loads it.",
        )
    raise NotAStore(
        f"there is no folder {path_or_id}", hint="Clone a pack with 'wisedb clone' first, then load its folder."
    )


def _load_adapter(
    adapter: Adapter, mode: str, kwargs: dict[str, Any]
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    chosen = check_mode(mode)
    base = load_for(adapter.commit.base, **kwargs)
    entries = () if chosen == "base" else adapter.commit.memories
    wanted = answering(adapter.commit, read_memories(adapter.objects, entries), chosen)
    if wanted:
        attached(base.model, adapter.commit.base.target, wanted, chosen)
    return base.model, base.tokenizer
