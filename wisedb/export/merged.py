"""A commit as a folder of its own: a plain checkpoint, or an adapter that needs the base model."""

from __future__ import annotations

import stat
import tempfile
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wisedb.errors import InputError, ModelError, StoreNotWritable, UsageError, WisedbWarning
from wisedb.export.adapter import write_adapter
from wisedb.export.checkpoint import write_checkpoint
from wisedb.model.base import saved_tokenizer
from wisedb.paths import expanded
from wisedb.serving.blobs import PendingBlobs
from wisedb.serving.merge_memories import merged_commit, with_densities
from wisedb.serving.store_base import load_base_of

if TYPE_CHECKING:
    from wisedb.export.cost import Cost
    from wisedb.progress import Listener
    from wisedb.store.store import Store

FORMATS = ("merged", "adapter", "peft")


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What was written.

    Attributes:
        path: the folder, absolute.
        format: ``merged``, ``adapter`` or ``peft``.
        files: the files in it, relative, by name.
        bytes: what they take.
        cost: what a plain checkpoint costs; ``None`` of an adapter, which leaves the base model as it is.
    """

    path: Path
    format: str
    files: tuple[str, ...]
    bytes: int
    cost: Cost | None = None

    def to_json(self) -> dict[str, Any]:
        """As ``wisedb export --json`` prints it."""
        return {
            "path": str(self.path),
            "format": self.format,
            "files": list(self.files),
            "bytes": self.bytes,
            "reliability": None if self.cost is None else self.cost.reliability,
            "agreement": None if self.cost is None else self.cost.agreement,
        }


def export(
    store: Store,
    rev: str,
    directory: Path,
    format: str = "merged",
    mode: str | None = None,
    *,
    force: bool = False,
    progress: Listener | None = None,
    **kwargs: Any,
) -> ExportResult:
    """Write a commit's model to a new or empty folder.

    ``merged``: a plain checkpoint that any software reads: W + ΔW of all memories in place of W, those that an editor
    can merge as one (WISE §2.3.2, W_v' ← W_v + TIES(T_e; W_v)), in the checkpoint's own dtype. It is always on: gates
    are not in it. What that costs is measured before anything is written (:mod:`wisedb.export.cost`).
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
        force: write a plain checkpoint whatever it costs.
        progress: is told how far a merge is that must be fitted first.
        **kwargs: as in :func:`wisedb.model.base.load_base`, where a merge is asked for.

    Raises:
        UnknownRevision: no such commit.
        UsageError: no such format, no such mode, or a mode or force for a format that has none.
        InputError: the folder is not empty, or an adapter for peft is to hold no memory.
        CannotBake: ``merged``, and a memory is of a kind that no weight can say.
        TooCostly: ``merged`` without force, and it would leave too little of the base model as it was.
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
    if force and format != "merged":
        raise UsageError("only the format 'merged' can be forced", hint="Leave --force out: an adapter costs nothing.")
    commit_id = store.resolve(rev)
    commit = store.objects.commit(commit_id)
    cost: Cost | None = None
    target = expanded(directory).absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{target} is there already", hint="Choose a folder that doesn't exist or is empty.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Written beside its place and renamed at the end, so that a half-written export is never taken for one.
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as scratch:
            making = Path(scratch) / target.name
            making.mkdir()
            if format == "merged":
                cost = write_checkpoint(store, commit_id, making, kwargs, force=force, progress=progress)
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
        cost,
    )


def _write_tokenizer(store: Store, folder: Path, model: str | None) -> None:
    """Put the base model's tokenizer beside an adapter, as it was saved, where it is on this machine."""
    base = store.config.base
    try:
        tokenizer = saved_tokenizer(
            model or base.model,
            base.revision if model is None else None,
            base.gguf_file,
            if_allowed=store.config.trust_remote_code,
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
