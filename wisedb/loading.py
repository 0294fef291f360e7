"""``wisedb.load``: an edited model from wherever it is. What fetches and what assembles meet here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from wisedb.errors import NotAStore, RemoteError, UsageError
from wisedb.export.portable import is_portable, load_portable
from wisedb.paths import expanded
from wisedb.progress import Listener
from wisedb.serving.assemble import check_mode
from wisedb.serving.load import load as load_from_store
from wisedb.sharing.cache import cached_pack
from wisedb.sharing.lazy import keep_promises
from wisedb.store.places import FOLDER
from wisedb.store.store import Store

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["load"]


def load(
    path_or_id: str | Path,
    revision: str | None = None,
    mode: str = "retrieve",
    *,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    endpoint: str | None = None,
    model: str | None = None,
    progress: Listener | None = None,
    **kwargs: Any,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load an edited model, ready to use.

    A pack is kept as a lazy clone in the cache: its commits travel once, the memories of a commit when it is loaded for
    the first time. Where its remote can't be reached, what was seen last is used, with a warning.

    Args:
        path_or_id: a pack (``org/name`` or ``hf://org/name`` on the Hub, a folder or ``file://…``, ``s3://…``), a
            folder with a store, or one that ``wisedb export`` wrote as ``adapter`` or ``peft``. A folder of that name
            comes before the Hub.
        revision: of a pack or store: a branch, a tag or a commit id, with ``~n`` if need be; by default a pack's
            default branch, a store's ``HEAD``.
        mode: ``retrieve`` (the memory that fires answers), ``merge`` (one memory, the TIES merge of all), ``context``
            (the facts that a prompt asks for go into its context), ``hybrid`` (they do where the keys are unsure) or
            ``base``.
        token: the Hub's, for pack and base model; ``False`` for none, by default what ``hf auth login`` left.
        cache_dir: another cache than the Hub's (``HF_HOME``), for pack and base model.
        local_files_only: don't use the network; say what is missing.
        endpoint: another Hub or S3 server than the usual one, for the pack.
        model: where the base model is on this machine, if it isn't where the pack says; it is checked all the same.
        progress: told while memories arrive.
        **kwargs: as in ``from_pretrained`` and :func:`wisedb.model.base.load_base`: dtype (or torch_dtype),
            device_map, …

    Returns:
        a ``transformers`` model of its own class, and its tokenizer.

    Raises:
        NotAStore: the folder holds none of these.
        UnknownRemote: there is no such folder, and the name is no address.
        RemoteNotFound, NotAuthorized, RemoteUnavailable: the pack isn't there, may not be read, or can't be reached.
        MissingObject: ``local_files_only``, and a memory is not in the cache.
        UnknownRevision: no such commit.
        UsageError: no such mode, or a revision of an adapter, which has only one state.
        ModelNotFound, BaseModelMismatch: the base model is not there, gated, or another one.
        CorruptObject: something is damaged.
    """
    chosen = check_mode(mode)
    given: dict[str, Any] = {
        **kwargs,
        "token": token,
        "cache_dir": cache_dir,
        "local_files_only": local_files_only,
        "model": model,
    }
    folder = expanded(path_or_id)
    if is_portable(folder):
        if revision is not None:
            raise UsageError(f"{folder} is an adapter and has no revisions", hint="Leave the revision out.")
        return load_portable(folder, chosen, **given)
    if (folder / FOLDER).is_dir() or folder.name == FOLDER:
        store = Store.open(folder)
        if not local_files_only:
            keep_promises(store, token=token if isinstance(token, str) else None, endpoint=endpoint, progress=progress)
        return load_from_store(store, revision or "HEAD", chosen, **given)
    try:
        pack = cached_pack(
            str(path_or_id),
            revision,
            token=token,
            endpoint=endpoint,
            cache_dir=None if cache_dir is None else Path(cache_dir),
            local_files_only=local_files_only,
            progress=progress,
        )
    except RemoteError as error:
        if not folder.is_dir():
            raise
        raise NotAStore(
            f"{folder} holds no store, no adapter and no pack",
            hint="A merged export is a plain checkpoint: AutoModelForCausalLM.from_pretrained loads it.",
        ) from error
    if chosen != "base":
        pack.complete()
    return load_from_store(pack.store, pack.commit_id, chosen, **given)
