"""A base model from the Hub, or from the cache of what came from there."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from huggingface_hub import hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from wisedb.errors import ModelNotFound

_WANTED = ["*.json", "*.safetensors", "*.model", "*.txt", "*.tiktoken", "*.jinja"]
# The files of other formats in sub-folders (onnx/, original/ …) and Mistral's second copy of its weights.
_UNWANTED = ["*/*", "consolidated*"]


def download(
    model: str,
    revision: str | None = None,
    gguf_file: str | None = None,
    *,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    code: bool = False,
) -> Path:
    """The folder in the Hub's cache that holds a model, fetched if it must be.

    Args:
        model: its id.
        revision: a branch, tag or commit.
        gguf_file: fetch this file and no other: such repositories hold the same model many times over.
        token, cache_dir, local_files_only: as in ``huggingface_hub``.
        code: fetch Python files too.

    Raises:
        ModelNotFound: there is no such model, revision or file, it may not be read, or the network is needed and can't
            be reached.
    """
    where = f"{model}@{revision}" if revision else model
    try:
        if gguf_file is None:
            return Path(
                snapshot_download(
                    model,
                    revision=revision,
                    allow_patterns=[*_WANTED, "*.py"] if code else _WANTED,
                    ignore_patterns=_UNWANTED,
                    token=token,
                    cache_dir=cache_dir,
                    local_files_only=local_files_only,
                )
            )
        file = hf_hub_download(
            model,
            gguf_file,
            revision=revision,
            token=token,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
        )
        return Path(file).parents[len(PurePosixPath(gguf_file).parts) - 1]
    except GatedRepoError as error:
        raise ModelNotFound(
            f"{where} is gated on the Hub", hint=f"Accept its terms on https://huggingface.co/{model} and set HF_TOKEN."
        ) from error
    except RevisionNotFoundError as error:
        raise ModelNotFound(f"{model} has no revision '{revision}' on the Hub", hint="Name one that exists.") from error
    except RemoteEntryNotFoundError as error:
        raise ModelNotFound(
            f"{where} has no file {gguf_file} on the Hub",
            hint=f"https://huggingface.co/{model}/tree/{revision or 'main'} lists its files.",
        ) from error
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
