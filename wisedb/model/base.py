"""The base model: found, loaded, described, compared with the one that a store was made for."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from wisedb.config import BaseModel
from wisedb.errors import BaseModelMismatch, ModelNotFound, UnsupportedModel, UsageError
from wisedb.model.dequantised import load_dequantised
from wisedb.model.digest_cache import cached_digest
from wisedb.model.fingerprint import tokenizer_digest, weight_files, weights_digest
from wisedb.model.gguf import check_gguf_name, check_gguf_support, gguf_digest, gguf_path, split_gguf
from wisedb.model.hub import download
from wisedb.model.locate import Projection, locate

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


_Found = TypeVar("_Found")

ATLAS = "atlas"

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_HUB_COMMIT = re.compile(r"[0-9a-f]{40}")


class Derived:
    """What was computed from one loaded model, kept as long as the model is."""

    def __init__(self) -> None:
        self._found: dict[tuple[Hashable, ...], Any] = {}

    def get(self, key: tuple[Hashable, ...], make: Callable[[], _Found]) -> _Found:
        """What was kept under the key, or else made and kept.

        Args:
            key: a word for what is wanted, and everything beside the model itself that it is a function of.
            make: computes it.
        """
        if key not in self._found:
            self._found[key] = make()
        return cast(_Found, self._found[key])


@dataclass(frozen=True, slots=True)
class LoadedBase:
    """A base model in memory.

    Attributes:
        model: in evaluation mode, as ``from_pretrained`` made it.
        tokenizer: its tokenizer; one without a pad token pads with its end token, in memory only.
        path: the local folder that both came from.
        name: how a store names the model: ``atlas``, a Hub id, or the absolute folder.
        revision: the Hub commit, ``None`` for a folder.
        gguf_file: the GGUF file in the folder that model and tokenizer were dequantised from, ``None`` for safetensors.
        digests: its fingerprints, once they are known.
        derived: what else was computed from the model and is the same for every commit.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    path: Path
    name: str
    revision: str | None = None
    gguf_file: str | None = None
    digests: dict[str, str] = field(default_factory=dict, repr=False)
    derived: Derived = field(default_factory=Derived, repr=False, compare=False)

    def projection(self, target: str = "", layer: int | None = None) -> Projection:
        """A module that can be edited, located once; see :func:`wisedb.model.locate.locate`.

        Raises:
            UnsupportedModel: there is no such module, or none that can be edited.
        """
        return self.derived.get(("projection", target, layer), lambda: locate(self.model, target or None, layer))


def load_base(
    model: str,
    revision: str | None = None,
    *,
    gguf_file: str | None = None,
    dtype: Any = None,
    device_map: Any = None,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    **kwargs: Any,
) -> LoadedBase:
    """Load a causal language model and its tokenizer.

    Args:
        model: ``atlas`` (the model that ships inside), a folder, a model id of the Hub, or a GGUF file with either of
            these before it (``folder/F.gguf``, ``org/name/F.gguf``).
        revision: a branch, tag or commit of the Hub repository.
        gguf_file: a GGUF file in there: model and tokenizer come from it, dequantised, and from nothing else. See
            :func:`wisedb.model.dequantised.load_dequantised`.
        dtype: as in ``from_pretrained``; by default the checkpoint's own, but float32 where the checkpoint is in halves
            and no accelerator is there: CPUs are slow in halves, and training overflows in float16.
        device_map: as in ``from_pretrained``.
        token: the Hub's access token.
        cache_dir: the Hub's cache.
        local_files_only: don't ask the network.
        **kwargs: whatever else ``from_pretrained`` takes (``torch_dtype`` is ``dtype``'s old name).

    Raises:
        ModelNotFound: there is no such model, or the network is needed and can't be reached.
        UnsupportedModel: pickled weights, or a type of model that ``transformers`` doesn't know.
        UsageError: a revision of a folder, or two GGUF files.
    """
    model, gguf_file = _gguf_in(model, gguf_file)
    folder, name, commit = find_model(
        model, revision, gguf_file, token=token, cache_dir=cache_dir, local_files_only=local_files_only
    )
    dtype = kwargs.pop("torch_dtype", dtype)
    if gguf_file is None:
        loaded, tokenizer = _load_checkpoint(folder, name, dtype=dtype, device_map=device_map, **kwargs)
    else:
        file = gguf_path(folder, gguf_file)
        loaded, tokenizer = load_dequantised(file, dtype=dtype, device_map=device_map, **kwargs)
    if tokenizer.pad_token_id is None and tokenizer.eos_token is not None:
        tokenizer.pad_token = tokenizer.eos_token
    loaded.eval()
    return LoadedBase(loaded, tokenizer, folder, name, commit, gguf_file)


def _gguf_in(model: str, gguf_file: str | None) -> tuple[str, str | None]:
    """The model without the GGUF file, and the file, wherever of the two it was named."""
    model, own = split_gguf(model)
    if own is not None and gguf_file is not None:
        raise UsageError(f"two GGUF files are named: {own} and {gguf_file}", hint="Name one.")
    if (found := own or gguf_file) is not None:
        # Before anybody waits for a file.
        check_gguf_name(found)
        check_gguf_support()
    return model, found


def _load_checkpoint(
    folder: Path, name: str, *, dtype: Any, **kwargs: Any
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    weight_files(folder)
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        if dtype is None:
            dtype = _natural_dtype(config)
        loaded = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, local_files_only=True, use_safetensors=True, **kwargs
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UnsupportedModel(
            f"{name} can't be loaded as a causal language model: {reason}",
            hint="wisedb edits decoder-only models that transformers knows by itself.",
        ) from error
    return loaded, tokenizer


def find_model(
    model: str,
    revision: str | None = None,
    gguf_file: str | None = None,
    *,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
) -> tuple[Path, str, str | None]:
    """The local folder of a model (downloaded if it must be), its name in a store, and its Hub commit.

    Raises:
        ModelNotFound: see :func:`load_base`.
        UsageError: a revision of a folder.
    """
    if model == ATLAS or Path(model).expanduser().is_dir():
        if revision is not None:
            raise UsageError(f"{model} is a folder and has no revision '{revision}'", hint="Leave the revision out.")
        if model == ATLAS:
            from wisedb import atlas  # the tables beside it are read only when the model is wanted

            return Path(atlas.model_dir()), ATLAS, None
        folder = Path(model).expanduser().resolve()
        return folder, str(folder), None
    if not _HUB_ID.fullmatch(model):
        raise ModelNotFound(f"there is no folder {model}", hint="Give a folder, a model id of the Hub, or 'atlas'.")
    folder = download(model, revision, gguf_file, token=token, cache_dir=cache_dir, local_files_only=local_files_only)
    return folder, model, folder.name if _HUB_COMMIT.fullmatch(folder.name) else revision


def describe(base: LoadedBase, *, anew: bool = False) -> BaseModel:
    """The base model as a store records it, fingerprints included (they are found once for each loaded model).

    Args:
        base: the model.
        anew: read every byte of the weights, though they may have been hashed before and not changed since; see
            :mod:`wisedb.model.digest_cache`.
    """
    if not base.digests or anew:
        base.digests.update(_digests(base, anew))
    digests = base.digests
    return BaseModel(base.name, base.revision, digests["weights"], digests["tokenizer"], gguf_file=base.gguf_file)


def _digests(base: LoadedBase, anew: bool) -> dict[str, str]:
    if base.gguf_file is None:
        weights = cached_digest(weight_files(base.path), lambda: weights_digest(base.path), anew=anew)
        return {"weights": weights, "tokenizer": tokenizer_digest(base.path)}
    file = gguf_path(base.path, base.gguf_file)
    # Everything is in the one file: it is read once, and what differs isn't told apart.
    whole = cached_digest([file], lambda: gguf_digest(file), anew=anew)
    return {"weights": whole, "tokenizer": whole}


def verify(expected: BaseModel, base: LoadedBase) -> None:
    """Check that the loaded model is the one that ``expected`` describes.

    Raises:
        BaseModelMismatch: says which of weights and tokenizer differ, and in which folder.
    """
    found = describe(base)
    wrong = [name for name in ("weights", "tokenizer") if getattr(found, name) != getattr(expected, name)]
    if wrong:
        what = " and ".join(wrong)
        where = base.path / (base.gguf_file or "")
        raise BaseModelMismatch(
            f"the {what} of {where} {'are' if what != 'tokenizer' else 'is'} not what this store was made for "
            f"(expected {expected.fingerprint}, found {found.fingerprint})",
            hint="Put the original model back, or start a new store for this one with 'wisedb init'.",
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
    if gguf_file is None and split_gguf(name)[1] is None:
        gguf_file = expected.gguf_file
    base = load_base(name, revision, gguf_file=gguf_file, **kwargs)
    verify(expected, base)
    return base


def accelerator() -> Mapping[str, Any]:
    """Keyword arguments for :func:`load_base` that put wisedb's own copy of the model on the GPU where there is one."""
    return {"device_map": "cuda"} if torch.cuda.is_available() else {}


def _natural_dtype(config: Any) -> Any:
    half = getattr(config, "dtype", None) in (torch.float16, torch.bfloat16)
    return torch.float32 if half and not torch.cuda.is_available() else "auto"
