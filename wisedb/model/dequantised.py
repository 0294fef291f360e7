"""A GGUF file as a model in memory: what ``transformers`` makes of it, every weight unpacked."""

from __future__ import annotations

import struct
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

from wisedb.errors import UnsupportedModel
from wisedb.model.checkpoint import UNREADABLE

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def load_dequantised(
    file: Path, *, dtype: Any = None, **kwargs: Any
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a causal language model and its tokenizer from a GGUF file, and from nothing beside it.

    Args:
        file: the file, absolute.
        dtype: as in ``from_pretrained``. Blocks of numbers have no dtype of their own: without one, or with ``auto``,
            float32 on a CPU and bfloat16 where there is an accelerator.
        **kwargs: whatever else ``from_pretrained`` takes.

    Raises:
        UnsupportedModel: the file is damaged or a part of one, or ``transformers`` can't read its architecture, its
            kind of tokenizer or its kind of quantisation.
    """
    if dtype in (None, "auto"):
        dtype = torch.bfloat16 if torch.cuda.is_available() else torch.float32
    options: dict[str, Any] = {"gguf_file": str(file), "local_files_only": True, "trust_remote_code": False}
    # Later versions of transformers keep the weights of some architectures packed, where nothing can be edited.
    packing = getattr(transformers, "GgufConfig", None)
    if packing is not None:
        kwargs = {"quantization_config": packing(dequantize=True), **kwargs}
    try:
        # transformers prefers a tokenizer.json in the folder to the file's own tokenizer: so there is no such folder.
        with TemporaryDirectory() as nowhere:
            model, report = AutoModelForCausalLM.from_pretrained(
                nowhere, dtype=dtype, output_loading_info=True, **options, **kwargs
            )
            tokenizer = AutoTokenizer.from_pretrained(nowhere, **options)
    except (*UNREADABLE, struct.error) as error:
        reason = " ".join(str(error).split())[:300]
        raise UnsupportedModel(
            f"{file} can't be loaded as a causal language model: {reason}",
            hint="transformers can't dequantise every architecture; use the model's safetensors where it can't.",
        ) from error
    if missing := sorted(report["missing_keys"]):
        # transformers would leave them random.
        raise UnsupportedModel(
            f"{file} lacks {len(missing)} of the model's weights, such as {missing[0]}",
            hint="If it is one of several parts, join them first with llama-gguf-split --merge.",
        )
    model.name_or_path = model.config.name_or_path = tokenizer.name_or_path = str(file.parent)
    return model, tokenizer


def dequantised_tokenizer(file: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a GGUF file, as ``transformers`` reads it.

    Raises:
        UnsupportedModel: it can't be read.
    """
    try:
        with TemporaryDirectory() as nowhere:
            found: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
                nowhere, gguf_file=str(file), local_files_only=True, trust_remote_code=False
            )
    except (*UNREADABLE, struct.error) as error:
        raise UnsupportedModel(f"the tokenizer of {file} can't be read: {error}", hint="Download it again.") from error
    found.name_or_path = str(file.parent)
    return found
