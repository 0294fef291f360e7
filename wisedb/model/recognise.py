"""Is it the base model that a store was made for: described, compared, and loaded only where it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wisedb.config import BaseModel
from wisedb.errors import BaseModelMismatch, ModelNotFound
from wisedb.model.base import LoadedBase, load_base
from wisedb.model.digest_cache import cached_digest
from wisedb.model.fingerprint import tokenizer_digest, weight_files, weights_digest
from wisedb.model.gguf import gguf_digest, gguf_path, split_gguf
from wisedb.model.identity import Difference, differences, files_digest, function_of, usual_fields
from wisedb.model.whereabouts import last_seen, note

_SHOWN = 4


def describe(base: LoadedBase, *, anew: bool = False) -> BaseModel:
    """The base model as a store records it, fingerprints included (they are found once for each loaded model).

    Args:
        base: the model.
        anew: read every byte of the weights, though they may have been hashed before and not changed since; see
            :mod:`wisedb.model.digest_cache`.
    """
    weights = weights_of(base, anew=anew)
    if base.gguf_file is not None:
        # Everything is in the one file: it is read once, and what differs isn't told apart.
        return BaseModel(base.name, base.revision, weights, weights, gguf_file=base.gguf_file)
    function = base.derived.get(
        ("function",),
        lambda: function_of(base.model.config, base.tokenizer, base.generation, base.path, code=base.code),
    )
    return BaseModel(base.name, base.revision, weights, function.tokenizer_digest, function=function)


def weights_of(base: LoadedBase, *, anew: bool = False) -> str:
    """SHA-256 of a loaded model's weights, or of its GGUF file.

    Args:
        base: the model.
        anew: as for :func:`describe`.
    """
    if base.gguf_file is None:
        files, compute = weight_files(base.path), lambda: weights_digest(base.path)
    else:
        file = gguf_path(base.path, base.gguf_file)
        files, compute = [file], lambda: gguf_digest(file)
    if anew:
        return cached_digest(files, compute, anew=True)
    return base.derived.get(("weights",), lambda: cached_digest(files, compute))


def compare(expected: BaseModel, base: LoadedBase, *, rest: bool = False) -> list[Difference]:
    """In what a loaded model is another one than a record says; empty where it is the same.

    A record of an earlier version knows weights and tokenizer files alone, and only these are compared.

    Args:
        expected: the record.
        base: the model.
        rest: look also for what changes no function where nothing else differs.
    """
    held = weights_of(base)
    weights = [] if held == expected.weights else [Difference("weights", expected.weights[:16], held[:16])]
    if base.gguf_file is not None or expected.gguf_file is not None:
        return weights
    if (was := expected.function) is None:
        files = tokenizer_digest(base.path)
        return weights + (
            [] if files == expected.tokenizer else [Difference("tokenizer", expected.tokenizer[:16], files[:16])]
        )
    same = files_digest(base.path, code=base.code) == was.files
    if same and not rest:
        return weights
    now = describe(base).function
    found = [] if now is None else differences(was, now, usual_fields(base.model.config))
    # Whatever version of transformers reads them: of the same files only what isn't in them can differ.
    return weights + [each for each in found if not (same and each.matters)]


def verify(expected: BaseModel, base: LoadedBase) -> None:
    """Check that the loaded model is the one that ``expected`` describes.

    Raises:
        BaseModelMismatch: says in what it differs, field by field, and in which folder.
    """
    found = compare(expected, base)
    if any(each.matters for each in found):
        raise refusal(base, found)


def refusal(base: LoadedBase, found: Sequence[Difference]) -> BaseModelMismatch:
    """What to say of a model that differs from the one that a store was made for."""
    wrong = [each for each in found if each.matters]
    where = base.path / (base.gguf_file or "")
    more = f", and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    return BaseModelMismatch(
        f"{where} is not the base model that this store was made for (was → is): "
        f"{'; '.join(map(str, wrong[:_SHOWN]))}{more}",
        hint="Put the original back, or name where it is by --base or `wisedb base set`; `wisedb base set … --accept`"
        " takes this one in its place.",
    )


def load_for(
    expected: BaseModel, *, model: str | None = None, gguf_file: str | None = None, **kwargs: Any
) -> LoadedBase:
    """Load the model that a store was made for, and check it.

    Args:
        expected: the store's record of its base.
        model: where it is on this machine, if it isn't where the store says: as in :func:`load_base`.
        gguf_file: the GGUF file in there, if it isn't called as the store says.
        **kwargs: as in :func:`load_base`.

    Raises:
        ModelNotFound, UnsupportedModel: see :func:`load_base`.
        BaseModelMismatch: see :func:`verify`.
    """
    name, revision = (expected.model, expected.revision) if model is None else (model, None)
    if model is None and name.startswith("./") and not Path(name).is_dir():
        # A pack names a folder, and doesn't say where its author's lay.
        name = last_seen(expected) or name
    if gguf_file is None and split_gguf(name)[1] is None:
        gguf_file = expected.gguf_file
    try:
        base = load_base(name, revision, gguf_file=gguf_file, **kwargs)
    except ModelNotFound as error:
        if model is not None:
            raise
        raise ModelNotFound(
            f"the store's base model isn't there: {error.message}",
            hint=f"{error.hint} Where it is elsewhere: `wisedb base set PATH` for good, --base PATH or WISEDB_BASE for"
            " once (from Python model=PATH).".lstrip(),
        ) from error
    verify(expected, base)
    if Path(base.name).is_absolute():
        note(expected, base.path)
    return base
