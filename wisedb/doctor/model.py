"""The base model: whether it is here, and the one that the store was made for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wisedb.doctor.check import OK, WRONG, Check
from wisedb.errors import WisedbError

if TYPE_CHECKING:
    from wisedb.config import BaseModel
    from wisedb.store.store import Store

_HINT = "`wisedb base set PATH` says where it is; --base PATH for once."


def base_model(store: Store, elsewhere: str | None = None) -> Check:
    """Whether the base model is on this machine, by its weights. Nothing is fetched, and no model is loaded.

    Its weights are hashed where no earlier command did, which reads all of them; what was found is remembered.

    Args:
        store: the store.
        elsewhere: where it is said to be, if not where the store says.
    """
    expected = store.config.base
    try:
        folder, held = _weights(expected, elsewhere)
    except WisedbError as error:
        return Check("base model", WRONG, error.message, error.hint or _HINT)
    if held != expected.weights:
        told = f"{folder} has other weights: {held[:16]}, and the store was made for {expected.weights[:16]}"
        return Check("base model", WRONG, told, _HINT)
    return Check("base model", OK, f"{folder}, weights {held[:16]} as the store says; `wisedb fsck --model` asks it")


def _weights(expected: BaseModel, elsewhere: str | None) -> tuple[Path, str]:
    from wisedb.model.base import find_model
    from wisedb.model.digest_cache import cached_digest
    from wisedb.model.fingerprint import weight_files, weights_digest
    from wisedb.model.gguf import gguf_digest, gguf_path, split_gguf
    from wisedb.model.whereabouts import last_seen

    name, own = split_gguf(elsewhere or expected.model)
    if elsewhere is None and name.startswith("./") and not Path(name).is_dir():
        name = last_seen(expected) or name
    folder, _, _ = find_model(
        name, None if elsewhere else expected.revision, own or expected.gguf_file, local_files_only=True
    )
    if (file := own or expected.gguf_file) is not None:
        path = gguf_path(folder, file)
        return path, cached_digest([path], lambda: gguf_digest(path))
    return folder, cached_digest(weight_files(folder), lambda: weights_digest(folder))
