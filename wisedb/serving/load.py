"""A model at a commit, for good: loaded, or moved from one commit to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wisedb.errors import UsageError
from wisedb.memory.hooks import handle_of
from wisedb.serving.assemble import Mode, check_mode, select_memories, unsure_in
from wisedb.serving.attached import attach_all, compare_template, warn_where_saved
from wisedb.serving.memory_codec import read_memories
from wisedb.serving.store_base import load_base_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from wisedb.config import BaseModel
    from wisedb.memory.memory import Memory
    from wisedb.model.base import LoadedBase
    from wisedb.store.store import Store

_STATE = "_wisedb_state"


@dataclass(frozen=True, slots=True)
class ModelState:
    """At which commit a loaded model is; kept on the model itself, out of its ``state_dict``.

    Attributes:
        commit: the commit.
        mode: how its memories answer.
        base: what the model is.
        loaded: the model with its tokenizer.
        memories: main blob → memory, for those that are in memory already.
        blobs: main blob → all blobs of that memory.
    """

    commit: str
    mode: Mode
    base: BaseModel
    loaded: LoadedBase = field(repr=False)
    memories: Mapping[str, Memory] = field(default_factory=dict, repr=False)
    blobs: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)


def load(
    store: Store, rev: str = "HEAD", mode: str = "retrieve", **kwargs: Any
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load the base model and attach the memories of a commit.

    The model is one of its own class with the base model's names in its ``state_dict``; ``generate`` needs nothing
    special. A commit without memories gives the plain base model.

    Args:
        store: the store.
        rev: the commit.
        mode: ``retrieve`` (the memory that fires answers), ``merge`` (one memory, the TIES merge of all), ``context``
            (the facts that a prompt asks for go into its context), ``hybrid`` (they do where the keys are unsure) or
            ``base``.
        **kwargs: as in :func:`wisedb.model.base.load_base`.

    Raises:
        UnknownRevision: no such commit.
        UsageError: no such mode.
        BaseModelMismatch: the base model is not the one of ``init``.
    """
    chosen = check_mode(mode)
    commit_id = store.resolve(rev)
    base = load_base_of(store, **kwargs)
    _put(store, base, commit_id, chosen, None)
    base.model.generation_config = base.generation
    warn_where_saved(base.model)
    return base.model, base.tokenizer


def switch_model(model: PreTrainedModel, store: Store, rev: str, mode: str | None = None) -> PreTrainedModel:
    """Move a loaded model to another commit: only the memories that differ are read.

    Args:
        model: what :func:`load` returned.
        store: the store.
        rev: the commit.
        mode: how its memories shall answer, as before by default.

    Returns:
        the same model.

    Raises:
        UsageError: the model was not loaded by wisedb, or for another base.
        UnknownRevision: no such commit.
    """
    state = state_of(model)
    if state is None or state.base.fingerprint != store.config.base.fingerprint:
        raise UsageError(
            "this model was not loaded from this store", hint="Load it with Repository.load(rev), then switch it."
        )
    _put(store, state.loaded, store.resolve(rev), check_mode(mode) if mode else state.mode, state)
    return model


def state_of(model: PreTrainedModel) -> ModelState | None:
    """At which commit a model is, ``None`` for one that wisedb didn't load."""
    state = model.__dict__.get(_STATE)
    return state if isinstance(state, ModelState) else None


def _put(store: Store, base: LoadedBase, commit_id: str, mode: Mode, before: ModelState | None) -> None:
    model = base.model
    commit = store.objects.commit(commit_id)
    entries = () if mode == "base" else commit.memories
    # A memory is kept where it consists of the very same blobs.
    kept = (
        {
            entry.main: before.memories[entry.main]
            for entry in entries
            if dict(before.blobs.get(entry.main, {})) == dict(entry.blobs)
        }
        if before is not None
        else {}
    )
    memories = read_memories(store.objects, entries, kept)
    handle = handle_of(model)
    if ((mode == "merge" and len(memories) > 1) or mode in ("context", "hybrid")) and handle is not None:
        # A merge is fitted to the plain model, and keys are made of it.
        handle.detach()
        handle = None
    wanted = select_memories(store, base, commit, memories, mode)
    if handle is not None and wanted:
        compare_template(base, wanted)
        handle.set(wanted, unsure_in(store, wanted, mode))
    else:
        if handle is not None:
            handle.detach()
        if wanted:
            attach_all(base, wanted, unsure_in(store, wanted, mode))
    held = {entry.main: memory for entry, memory in zip(entries, memories, strict=True)}
    blobs = {entry.main: entry.blobs for entry in entries}
    model.__dict__[_STATE] = ModelState(commit_id, mode, store.config.base, base, held, blobs)
