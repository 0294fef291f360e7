"""The base model: found, loaded, described, compared with the one that a store was made for."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from wisedb.config import BaseModel
from wisedb.errors import BaseModelMismatch, ModelNotFound, UnsupportedModel, UsageError
from wisedb.model.digest_cache import cached_digest
from wisedb.model.fingerprint import tokenizer_digest, weight_files, weights_digest
from wisedb.model.locate import Projection, locate

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


_Found = TypeVar("_Found")

ATLAS = "atlas"

_WANTED = ["*.json", "*.safetensors", "*.model", "*.txt", "*.tiktoken", "*.jinja"]
# The files of other formats in sub-folders (onnx/, original/ …) and Mistral's second copy of its weights.
_UNWANTED = ["*/*", "consolidated*"]
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
        digests: its fingerprints, once they are known.
        derived: what else was computed from the model and is the same for every commit.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    path: Path
    name: str
    revision: str | None = None
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
    dtype: Any = None,
    device_map: Any = None,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    **kwargs: Any,
) -> LoadedBase:
    """Load a causal language model and its tokenizer.

    Args:
        model: ``atlas`` (the model that ships inside), a folder, or a model id of the Hub.
        revision: a branch, tag or commit of the Hub repository.
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
        UsageError: a revision of a folder.
    """
    folder, name, commit = find_model(
        model, revision, token=token, cache_dir=cache_dir, local_files_only=local_files_only
    )
    weight_files(folder)
    dtype = kwargs.pop("torch_dtype", dtype)
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        if dtype is None:
            dtype = _natural_dtype(config)
        loaded = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, device_map=device_map, local_files_only=True, use_safetensors=True, **kwargs
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UnsupportedModel(
            f"{name} can't be loaded as a causal language model: {reason}",
            hint="wisedb edits decoder-only models that transformers knows by itself.",
        ) from error
    if tokenizer.pad_token_id is None and tokenizer.eos_token is not None:
        tokenizer.pad_token = tokenizer.eos_token
    loaded.eval()
    return LoadedBase(loaded, tokenizer, folder, name, commit)


def find_model(
    model: str,
    revision: str | None = None,
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
    where = f"{model}@{revision}" if revision else model
    try:
        folder = Path(
            snapshot_download(
                model,
                revision=revision,
                allow_patterns=_WANTED,
                ignore_patterns=_UNWANTED,
                token=token,
                cache_dir=cache_dir,
                local_files_only=local_files_only,
            )
        )
    except GatedRepoError as error:
        raise ModelNotFound(
            f"{where} is gated on the Hub", hint=f"Accept its terms on https://huggingface.co/{model} and set HF_TOKEN."
        ) from error
    except RevisionNotFoundError as error:
        raise ModelNotFound(f"{model} has no revision '{revision}' on the Hub", hint="Name one that exists.") from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise ModelNotFound(
            f"there is no folder and no model on the Hub called '{model}'",
            hint="Check the spelling; for a private model set HF_TOKEN.",
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError, RuntimeError) as error:
        if isinstance(error, HfHubHTTPError) and error.response.status_code in (401, 403):
            raise ModelNotFound(
                f"the Hub doesn't let you read {where}",
                hint="Its token may have expired or may not do this: `hf auth login`, or set HF_TOKEN.",
            ) from error
        raise ModelNotFound(
            f"{where} is neither a folder nor in the local cache, and the Hub can't be reached",
            hint="Go online once, give a local folder, or use --model atlas, which ships inside.",
        ) from error
    return folder, model, folder.name if _HUB_COMMIT.fullmatch(folder.name) else revision


def describe(base: LoadedBase, *, anew: bool = False) -> BaseModel:
    """The base model as a store records it, fingerprints included (they are found once for each loaded model).

    Args:
        base: the model.
        anew: read every byte of the weights, though they may have been hashed before and not changed since; see
            :mod:`wisedb.model.digest_cache`.
    """
    if not base.digests or anew:
        weights = cached_digest(weight_files(base.path), lambda: weights_digest(base.path), anew=anew)
        base.digests.update(weights=weights, tokenizer=tokenizer_digest(base.path))
    return BaseModel(base.name, base.revision, base.digests["weights"], base.digests["tokenizer"])


def verify(expected: BaseModel, base: LoadedBase) -> None:
    """Check that the loaded model is the one that ``expected`` describes.

    Raises:
        BaseModelMismatch: says which of weights and tokenizer differ, and in which folder.
    """
    found = describe(base)
    wrong = [name for name in ("weights", "tokenizer") if getattr(found, name) != getattr(expected, name)]
    if wrong:
        what = " and ".join(wrong)
        raise BaseModelMismatch(
            f"the {what} of {base.path} {'are' if what != 'tokenizer' else 'is'} not what this store was made for "
            f"(expected {expected.fingerprint}, found {found.fingerprint})",
            hint="Put the original model back, or start a new store for this one with 'wisedb init'.",
        )


def load_for(expected: BaseModel, *, model: str | None = None, **kwargs: Any) -> LoadedBase:
    """Load the model that a store was made for, and check it.

    Args:
        expected: the store's record of its base.
        model: where it is on this machine, if it isn't where the store says: a folder, a model id, or ``atlas``.
        **kwargs: as in :func:`load_base`.

    Raises:
        ModelNotFound, UnsupportedModel: see :func:`load_base`.
        BaseModelMismatch: see :func:`verify`.
    """
    name, revision = (expected.model, expected.revision) if model is None else (model, None)
    base = load_base(name, revision, **kwargs)
    verify(expected, base)
    return base


def accelerator() -> Mapping[str, Any]:
    """Keyword arguments for :func:`load_base` that put wisedb's own copy of the model on the GPU where there is one."""
    return {"device_map": "cuda"} if torch.cuda.is_available() else {}


def _natural_dtype(config: Any) -> Any:
    half = getattr(config, "dtype", None) in (torch.float16, torch.bfloat16)
    return torch.float32 if half and not torch.cuda.is_available() else "auto"
