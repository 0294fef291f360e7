"""The base model: found and loaded."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
from transformers import GenerationConfig

from wisedb.errors import ModelNotFound, UsageError
from wisedb.model.checkpoint import brings_code, load_checkpoint, load_tokenizer
from wisedb.model.code_consent import allow, is_allowed
from wisedb.model.dequantised import dequantised_tokenizer, load_dequantised
from wisedb.model.gguf import check_gguf_name, check_gguf_support, gguf_path, split_gguf
from wisedb.model.hub import download
from wisedb.model.locate import Projection, locate
from wisedb.model.tokens import complete_tokenizer
from wisedb.paths import expanded

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


_Found = TypeVar("_Found")

ATLAS = "atlas"

_TOKENS = ("bos_token_id", "eos_token_id", "pad_token_id")

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
        model: in evaluation mode, as ``from_pretrained`` made it, but with neutral settings for generation.
        tokenizer: its tokenizer, which in memory always knows where an answer ends and how it pads, see
            :func:`wisedb.model.tokens.complete_tokenizer`.
        path: the local folder that both came from.
        name: how a store names the model: ``atlas``, a Hub id, or the absolute folder.
        revision: the Hub commit, ``None`` for a folder.
        gguf_file: the GGUF file in the folder that model and tokenizer were dequantised from, ``None`` for safetensors.
        generation: the model's own settings for generation. What is measured is measured without them, so that a
            repetition penalty counts for no edit's fault; whoever is given the model is given them with it.
        code: whether Python files that lie beside it were run.
        derived: what else was computed from the model and is the same for every commit.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    path: Path
    name: str
    revision: str | None = None
    gguf_file: str | None = None
    generation: GenerationConfig = field(default_factory=GenerationConfig, repr=False, compare=False)
    code: bool = False
    derived: Derived = field(default_factory=Derived, repr=False, compare=False)

    def projection(self, target: str = "", layer: int | None = None) -> Projection:
        """A module that can be edited, located once; see :func:`wisedb.model.locate.locate`.

        Raises:
            UnsupportedModel: there is no such module, or none that can be edited.
        """
        return self.derived.get(("projection", target, layer), lambda: locate(self.model, target or None, layer))

    def saved_tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer as it was saved, without what was completed in memory.

        Raises:
            UnsupportedModel: it can't be read any more.
        """
        return _tokenizer_in(self.path, self.name, self.gguf_file, trust_remote_code=self.code)


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
    trust_remote_code: bool = False,
    if_allowed: bool = False,
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
        trust_remote_code: run Python files that lie beside the model, where its configuration names some, and allow
            exactly these from now on.
        if_allowed: run them where they were allowed before; see :mod:`wisedb.model.code_consent`.
        **kwargs: whatever else ``from_pretrained`` takes (``torch_dtype`` is ``dtype``'s old name).

    Raises:
        ModelNotFound: there is no such model, or the network is needed and can't be reached.
        UnsupportedModel: pickled weights, weights that are missing or left over, or a type of model that
            ``transformers`` doesn't know.
        UsageError: a revision of a folder, or two GGUF files.
    """
    model, gguf_file = _gguf_in(model, gguf_file)
    folder, name, commit = find_model(
        model,
        revision,
        gguf_file,
        token=token,
        cache_dir=cache_dir,
        local_files_only=local_files_only,
        code=trust_remote_code or if_allowed,
    )
    asked, trust_remote_code = trust_remote_code, trust_remote_code or (if_allowed and is_allowed(folder))
    dtype = kwargs.pop("torch_dtype", dtype)
    if gguf_file is None:
        loaded, tokenizer = load_checkpoint(
            folder, name, dtype=dtype, device_map=device_map, trust_remote_code=trust_remote_code, **kwargs
        )
    else:
        file = gguf_path(folder, gguf_file)
        loaded, tokenizer = load_dequantised(file, dtype=dtype, device_map=device_map, **kwargs)
    complete_tokenizer(loaded, tokenizer)
    loaded.eval()
    own = loaded.generation_config
    loaded.generation_config = neutral(own)
    code = trust_remote_code and brings_code(loaded)
    if code and asked:
        allow(folder)
    return LoadedBase(loaded, tokenizer, folder, name, commit, gguf_file, own or GenerationConfig(), code)


def neutral(own: GenerationConfig | None) -> GenerationConfig:
    """Settings under which the likeliest token follows: of a model's own, only which tokens begin, end and pad."""
    kept = {} if own is None else {name: getattr(own, name, None) for name in _TOKENS}
    return GenerationConfig(**kept)


def saved_tokenizer(
    model: str, revision: str | None = None, gguf_file: str | None = None, *, if_allowed: bool = False
) -> PreTrainedTokenizerBase:
    """A model's tokenizer as it was saved, without the model; the network is not asked.

    Args:
        model, revision, gguf_file, if_allowed: as for :func:`load_base`.

    Raises:
        ModelNotFound: the model isn't on this machine.
        UnsupportedModel: its tokenizer can't be read.
    """
    model, own = split_gguf(model)
    folder, name, _ = find_model(model, revision, own or gguf_file, local_files_only=True)
    return _tokenizer_in(folder, name, own or gguf_file, trust_remote_code=if_allowed and is_allowed(folder))


def _tokenizer_in(
    folder: Path, name: str, gguf_file: str | None, *, trust_remote_code: bool
) -> PreTrainedTokenizerBase:
    if gguf_file is not None:
        return dequantised_tokenizer(gguf_path(folder, gguf_file))
    return load_tokenizer(folder, name, trust_remote_code=trust_remote_code)


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


def find_model(
    model: str,
    revision: str | None = None,
    gguf_file: str | None = None,
    *,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    code: bool = False,
) -> tuple[Path, str, str | None]:
    """The local folder of a model (downloaded if it must be), its name in a store, and its Hub commit.

    Args:
        model, revision, gguf_file, token, cache_dir, local_files_only: as for :func:`load_base`.
        code: bring Python files too.

    Raises:
        ModelNotFound: see :func:`load_base`.
        UsageError: a revision of a folder.
    """
    if model == ATLAS or expanded(model).is_dir():
        if revision is not None:
            raise UsageError(f"{model} is a folder and has no revision '{revision}'", hint="Leave the revision out.")
        if model == ATLAS:
            from wisedb import atlas  # the tables beside it are read only when the model is wanted

            return Path(atlas.model_dir()), ATLAS, None
        folder = expanded(model).resolve()
        return folder, str(folder), None
    if expanded(model).is_file():
        raise ModelNotFound(f"{model} is a file and no model's folder", hint="Give the folder that holds it.")
    if not _HUB_ID.fullmatch(model):
        raise ModelNotFound(f"there is no folder {model}", hint="Give a folder, a model id of the Hub, or 'atlas'.")
    options: dict[str, Any] = {"token": token, "cache_dir": cache_dir, "local_files_only": local_files_only}
    folder = download(model, revision, gguf_file, code=code, **options)
    return folder, model, folder.name if _HUB_COMMIT.fullmatch(folder.name) else revision


def accelerator() -> Mapping[str, Any]:
    """Keyword arguments for :func:`load_base` that put wisedb's own copy of the model on the GPU where there is one."""
    return {"device_map": "cuda"} if torch.cuda.is_available() else {}
