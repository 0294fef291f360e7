"""A commit as a folder of its own: a plain checkpoint, or an adapter that needs the base model."""

from __future__ import annotations

import json
import stat
import tempfile
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wisedb.errors import InputError, ModelError, StoreNotWritable, UsageError, WisedbWarning
from wisedb.export.adapter import write_adapter
from wisedb.export.bake import bake
from wisedb.model.base import saved_tokenizer
from wisedb.serving.blobs import PendingBlobs
from wisedb.serving.memory_codec import read_memories
from wisedb.serving.merge_memories import merge_memories, merged_commit, with_densities
from wisedb.serving.store_base import load_base_of

if TYPE_CHECKING:
    from wisedb.progress import Listener
    from wisedb.store.commits import Commit
    from wisedb.store.store import Store

FORMATS = ("merged", "adapter", "peft")

_README = """# {name}, with {count} edited facts

This checkpoint was exported by wisedb from commit `{commit}` of a store for `{model}`.

It is a plain `transformers` checkpoint: the memories are part of its weights (changed: {modules}). **The change is
always on.** The gates, which let a memory answer only where it is meant, are not part of a plain checkpoint, so prompts
that have nothing to do with the edits may be answered differently from the base model. Where that matters, load the
store or the `adapter` export with `wisedb.load`.
"""


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What was written.

    Attributes:
        path: the folder, absolute.
        format: ``merged``, ``adapter`` or ``peft``.
        files: the files in it, relative, by name.
        bytes: what they take.
    """

    path: Path
    format: str
    files: tuple[str, ...]
    bytes: int

    def to_json(self) -> dict[str, Any]:
        """As ``wisedb export --json`` prints it."""
        return {"path": str(self.path), "format": self.format, "files": list(self.files), "bytes": self.bytes}


def export(
    store: Store,
    rev: str,
    directory: Path,
    format: str = "merged",
    mode: str | None = None,
    *,
    progress: Listener | None = None,
    **kwargs: Any,
) -> ExportResult:
    """Write a commit's model to a new or empty folder.

    ``merged``: a plain checkpoint that any software reads: W + ΔW of all memories in place of W, those that an editor
    can merge as one (WISE §2.3.2, W_v' ← W_v + TIES(T_e; W_v)), in the checkpoint's own dtype. It is always on: gates
    are not in it.
    ``adapter``: the memories and a reference to the base model; ``wisedb.load`` opens it without the store.
    ``peft``: the same as a PEFT adapter; with wisedb imported, peft and transformers open it by themselves.

    An adapter holds no edits, so that a merge can't be fitted where it is loaded: its memories would be merged by TIES
    alone. With the mode ``merge`` the one memory in it is the merge, fitted here.

    Args:
        store: the store.
        rev: the commit.
        directory: must not exist, or be empty.
        format: see above.
        mode: for an adapter, ``retrieve`` (the default): every memory; or ``merge``: one memory merged of all.
        progress: is told how far a merge is that must be fitted first.
        **kwargs: as in :func:`wisedb.model.base.load_base`, where a merge is asked for.

    Raises:
        UnknownRevision: no such commit.
        UsageError: no such format, no such mode, or a mode for a format that has none.
        InputError: the folder is not empty, or an adapter for peft is to hold no memory.
        CannotBake: ``merged``, and a memory is of a kind that no weight can say.
        StoreNotWritable: it can't be written; nothing is left there.
    """
    if format not in FORMATS:
        raise UsageError(f"there is no format '{format}'", hint=f"There are: {', '.join(FORMATS)}.")
    if mode not in (None, "retrieve", "merge"):
        raise UsageError(f"an adapter has no mode '{mode}'", hint="There are: retrieve, merge.")
    if mode is not None and format == "merged":
        raise UsageError(
            "the format 'merged' has no mode", hint="It is always merged; or use --format adapter or peft."
        )
    commit_id = store.resolve(rev)
    commit = store.objects.commit(commit_id)
    target = directory.expanduser().absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{target} is there already", hint="Choose a folder that doesn't exist or is empty.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Written beside its place and renamed at the end, so that a half-written export is never taken for one.
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as scratch:
            making = Path(scratch) / target.name
            making.mkdir()
            if format == "merged":
                _write_merged(store, commit_id, commit, making, kwargs, progress)
            else:
                held, source = with_densities(commit), PendingBlobs(store.objects)
                if mode == "merge":
                    held, source = merged_commit(store, load_base_of(store, **kwargs), commit, progress=progress)
                # A commit knows a folder by its name alone, and an adapter is to be loaded on this machine.
                held = replace(held, base=store.config.base)
                if format == "peft":
                    from wisedb.export.peft.folder import write_peft  # peft takes a second to import

                    write_peft(source, commit_id, held, making, mode or "retrieve")
                    _write_tokenizer(store, making, kwargs.get("model"))
                else:
                    write_adapter(source, commit_id, held, making)
            _as_the_umask_says(making)
            if target.exists():
                target.rmdir()
            making.replace(target)
    except OSError as error:
        raise StoreNotWritable(
            f"{target} can't be written: {error.strerror or error}", hint="Choose another folder, or free some space."
        ) from error
    files = sorted(path for path in target.rglob("*") if path.is_file())
    return ExportResult(
        target,
        format,
        tuple(path.relative_to(target).as_posix() for path in files),
        sum(path.stat().st_size for path in files),
    )


def _write_tokenizer(store: Store, folder: Path, model: str | None) -> None:
    """Put the base model's tokenizer beside an adapter, as it was saved, where it is on this machine."""
    base = store.config.base
    try:
        tokenizer = saved_tokenizer(
            model or base.model,
            base.revision if model is None else None,
            base.gguf_file,
            trust_remote_code=store.config.trust_remote_code,
        )
    except ModelError as error:
        warnings.warn(
            f"the folder has no tokenizer: {error.message} Use that of the base model.", WisedbWarning, stacklevel=2
        )
        return
    tokenizer.save_pretrained(folder)


def _as_the_umask_says(folder: Path) -> None:
    """Give all files the mode of a new one: what writes safetensors makes them its user's alone."""
    probe = folder.parent / "mode"
    probe.touch()
    mode = stat.S_IMODE(probe.stat().st_mode)
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(mode)


def _write_merged(
    store: Store,
    commit_id: str,
    commit: Commit,
    folder: Path,
    kwargs: dict[str, Any],
    progress: Listener | None,
) -> None:
    base = store.config.base
    memories = read_memories(store.objects, commit.memories)
    # Fitted to the model as it is trained, whatever dtype is written.
    if memories:
        memories = merge_memories(store, load_base_of(store, **kwargs), commit, memories, progress=progress)
    loaded = load_base_of(store, **{"dtype": "auto", **kwargs})
    bake(loaded, memories)
    loaded.model.generation_config = loaded.generation
    loaded.model.save_pretrained(folder)
    loaded.saved_tokenizer().save_pretrained(folder)
    modules = dict.fromkeys(module for memory in memories for module in memory.modules)
    (folder / "README.md").write_text(
        _README.format(
            name=Path(base.source).name,
            count=sum(len(memory.edits) for memory in memories),
            commit=commit_id,
            model=base.source,
            modules=", ".join(f"`{module}`" for module in modules) or "none",
        ),
        encoding="utf-8",
    )
    (folder / "wisedb-export.json").write_text(
        json.dumps({"commit": commit_id, "base": base.to_json(), "modules": list(modules)}, indent=2) + "\n",
        encoding="utf-8",
    )
