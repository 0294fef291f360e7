"""A new store: the base model found and recognised, its unrelated prompts written, the editor's margins measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from wisedb.config import DEFAULT_EDITOR, POOL, BaseModel, Setting, StoreConfig
from wisedb.editors.common.pool import Pool, make_pool
from wisedb.editors.registry import calibrated, check_given
from wisedb.errors import MissingObject, StoreExists
from wisedb.model.base import LoadedBase, load_base
from wisedb.model.chat import chat_format, template_digest
from wisedb.model.checkpoint import check_forward
from wisedb.model.recognise import describe
from wisedb.model.whereabouts import note
from wisedb.progress import Counter, Listener
from wisedb.serving.blobs import PendingBlobs
from wisedb.serving.probe import probe, probed
from wisedb.serving.resources import StoreResources
from wisedb.store.blobs import Blob
from wisedb.store.commits import Commit
from wisedb.store.derived_cache import cached_blob
from wisedb.store.places import FOLDER, check_place
from wisedb.store.signature import Signature
from wisedb.store.store import Store
from wisedb.versioning.land import versions

POOL_PROMPTS = 300
"""Unrelated prompts that training sees."""

HELD_OUT = 50
"""Unrelated prompts that no training sees, for measuring."""

CHAT_PROMPTS, CHAT_HELD_OUT = 110, 20
"""The same of a chat model: users' messages, which take longer to write."""

CONTEXTS = 10
"""Prefixes behind which an edit is trained too (WISE, appendix B)."""


def init(
    root: Path,
    model: str,
    *,
    revision: str | None = None,
    gguf_file: str | None = None,
    layer: int | None = None,
    target: str | None = None,
    editor: str = DEFAULT_EDITOR,
    settings: Mapping[str, Setting] | None = None,
    seed: int = 0,
    pool: Sequence[str] | None = None,
    author: str | None = None,
    date: str | None = None,
    progress: Listener | None = None,
    **kwargs: Any,
) -> tuple[Store, LoadedBase]:
    """Make ``root/.wisedb`` for a base model, with a first commit that holds no edit.

    Args:
        root: the folder; it is made if it is missing.
        model, revision, gguf_file: see :func:`wisedb.model.base.load_base`.
        layer: the decoder block to edit, from 0; by default the paper's relative depth.
        target: the matrix to edit, by its path in the model.
        editor: who writes the edits.
        settings: the editor's settings; they win over what is measured.
        seed: where the pool and all later training take their random choices from.
        pool: unrelated prompts of the user's own, in place of those that the model writes.
        author, date: of the first commit.
        progress: is told about it.
        **kwargs: as in :func:`wisedb.model.base.load_base`.

    Returns:
        the store, and the base model, loaded and untouched.

    Raises:
        StoreExists: there is one already.
        StoreNotWritable, NoSpace: none can be made there; found out before the model is loaded.
        ModelNotFound, UnsupportedModel: no such model, or none that runs and can be edited.
        UnknownEditor, UnknownSetting: see the editor.
    """
    # Store.init looks again; this is here so that nobody waits for a model first.
    if (root / FOLDER).exists():
        raise StoreExists(f"{root / FOLDER} is there already", hint="Use it, or choose another folder.")
    check_given(editor, settings or {})
    check_place(root)

    loading = Counter(progress, "loading", 1)
    base = load_base(model, revision, gguf_file=gguf_file, **kwargs)
    check_forward(base.name, base.model)
    where = {} if target is None and layer is None else {"target": base.projection(target or "", layer).name}
    record = describe(base, anew=True)
    loading.add(1)
    blob = _own_pool(base, seed, pool, progress) if pool else _written_pool(base, record, seed, progress)
    pending = PendingBlobs(_Nowhere())
    pending.put(blob)
    resources = StoreResources(base, record, pending, {POOL: blob.id}, progress)
    choice = calibrated(editor, base, resources, {**where, **(settings or {})}, seed, blob.id)
    who, when, why = Signature(f"Start from {_short(record)}", author, date).checked()
    first = Commit((), who, when, why, record.published, choice, made_with=versions(), probe=probe(base, probed(())))
    config = StoreConfig(record, choice, trust_remote_code=base.code)
    if Path(base.name).is_absolute():
        note(record, base.path)
    store = Store.init(root, config, first, [blob])
    store.index.ensure()
    return store, base


class _Nowhere:
    """No store yet."""

    def get(self, blob_id: str, /) -> Blob:
        raise MissingObject(f"blob {blob_id[:12]} isn't there")

    def ensure(self, blob_ids: Iterable[str], /) -> None:
        """Nothing can be fetched."""


def _own_pool(base: LoadedBase, seed: int, prompts: Sequence[str], progress: Listener | None) -> Blob:
    whole = make_pool(base.model, base.tokenizer, seed, n_contexts=CONTEXTS, prompts=prompts, progress=progress)
    return _blob_of(whole, len(whole.prompts) // 5)


def _written_pool(base: LoadedBase, record: BaseModel, seed: int, progress: Listener | None) -> Blob:
    """What the model writes takes as long as many edits, and depends on the model and the seed alone."""
    prompts, held_out = (
        (POOL_PROMPTS, HELD_OUT) if chat_format(base.tokenizer) is None else (CHAT_PROMPTS, CHAT_HELD_OUT)
    )

    def write() -> Blob:
        whole = make_pool(base.model, base.tokenizer, seed, prompts + held_out, CONTEXTS, progress=progress)
        return _blob_of(whole, held_out * len(whole.prompts) // (prompts + held_out))

    template = template_digest(base.tokenizer)
    made_from = (record.fingerprint, template, str(base.model.dtype), seed, prompts, held_out, CONTEXTS)
    return cached_blob(POOL, made_from, write)


def _blob_of(whole: Pool, held_out: int) -> Blob:
    cut = len(whole.prompts) - held_out
    trained_on = Pool(whole.prompts[:cut], whole.contexts, whole.generator)
    return Blob(POOL, {**trained_on.to_meta(), "held_out": list(whole.prompts[cut:])})


def _short(record: BaseModel) -> str:
    name = Path(record.model).name if Path(record.model).is_absolute() else record.model
    return name if record.gguf_file is None else f"{name}/{record.gguf_file}, dequantised"
