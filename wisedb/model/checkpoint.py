"""A checkpoint of safetensors as a model in memory, whole: what would be guessed or left random is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from transformers.quantizers.auto import AUTO_QUANTIZATION_CONFIG_MAPPING
from transformers.utils import GENERATION_CONFIG_NAME

from wisedb.errors import UnsupportedModel
from wisedb.model.fingerprint import weight_files
from wisedb.model.safe_config import check_configuration

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# What reading names and numbers out of files of others may end in.
UNREADABLE: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    SafetensorError,
)

# What earlier versions of transformers saved beside the weights, and today's compute.
_COMPUTED: Final = re.compile(r"(^|\.)(rotary_emb\.inv_freq|(attn|attention)\.(masked_)?bias)$")
_SENTENCEPIECE: Final = ("tokenizer.model", "spiece.model", "spm.model", "sentencepiece.bpe.model", "source.spm")
_SHOWN: Final = 3


def load_checkpoint(
    folder: Path, name: str, *, dtype: Any = None, trust_remote_code: bool = False, **kwargs: Any
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a causal language model and its tokenizer from a folder that ``save_pretrained`` wrote.

    Args:
        folder: the folder.
        name: how messages call the model.
        dtype: as in ``from_pretrained``; ``None`` for the checkpoint's own, but float32 for halves on a CPU.
        trust_remote_code: run the Python files of the folder that its configuration names.
        **kwargs: whatever else ``from_pretrained`` takes.

    Raises:
        ModelNotFound: no weights are there.
        UnsupportedModel: weights are missing, left over, or of other shapes than the configuration says; the tokenizer
            has more tokens than the model; or ``transformers`` can't load it.
    """
    weight_files(folder)
    check_configuration(folder, name)
    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": trust_remote_code}
    try:
        config = AutoConfig.from_pretrained(folder, **options)
        if (folder / GENERATION_CONFIG_NAME).is_file():
            # A damaged one transformers would pass over without a word.
            GenerationConfig.from_pretrained(folder, local_files_only=True)
        _check_quantisation(name, config)
        wanted = {"dtype": natural_dtype(config) if dtype is None else dtype, **options, **kwargs}
        # Mis-shaped weights are told by the report, by their names.
        model, report = AutoModelForCausalLM.from_pretrained(
            folder, **{**wanted, "use_safetensors": True, "ignore_mismatched_sizes": True, "output_loading_info": True}
        )
    except torch.OutOfMemoryError:
        raise
    except UNREADABLE as error:
        raise _unloadable(name, error) from error
    check_report(name, report)
    tokenizer = load_tokenizer(folder, name, trust_remote_code=trust_remote_code)
    check_sizes(name, model, tokenizer)
    return model, tokenizer


def load_tokenizer(folder: Path, name: str, *, trust_remote_code: bool = False) -> PreTrainedTokenizerBase:
    """The tokenizer of a folder, as it was saved.

    Raises:
        UnsupportedModel: there is none, or none that can be read here.
    """
    check_configuration(folder, name)
    try:
        loaded: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=trust_remote_code
        )
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # what reads tokenizer.json raises nothing more particular
        if _wants_code(error):
            raise _unloadable(name, error) from error
        if (folder / "tokenizer.json").is_file():
            problem, hint = _reason(error), "Save the tokenizer again, or download it again."
        elif pieces := [file for file in _SENTENCEPIECE if (folder / file).is_file()]:
            problem = f"it has {pieces[0]} alone, which takes the package sentencepiece to read"
            hint = (
                "pip install sentencepiece protobuf; or, where these are installed, write its tokenizer.json: "
                "AutoTokenizer.from_pretrained(folder).save_pretrained(folder)."
            )
        else:
            problem, hint = _reason(error), "Save the tokenizer beside the model: tokenizer.save_pretrained(folder)."
        raise UnsupportedModel(f"the tokenizer of {name} can't be loaded: {problem}", hint=hint) from error
    return loaded


def check_report(name: str, report: Mapping[str, Any]) -> None:
    """Refuse a model whose weights are not all of its own, from what ``from_pretrained`` says of loading it.

    Raises:
        UnsupportedModel: names the weights.
    """
    if shapes := sorted(report.get("mismatched_keys", ())):
        key, found, wanted = shapes[0]
        raise UnsupportedModel(
            f"{key} of {name} is {tuple(found)} and should be {tuple(wanted)} by its config.json{_more(shapes)}",
            hint="This config.json belongs to other weights: save both together, model.save_pretrained(folder).",
        )
    # transformers would leave them random, anew in each process.
    if missing := sorted(report.get("missing_keys", ())):
        raise UnsupportedModel(
            f"{name} lacks weights of the model: {_some(missing)}",
            hint="Save the whole model, with its head: AutoModelForCausalLM's save_pretrained, not its .model's.",
        )
    if unexpected := sorted(key for key in report.get("unexpected_keys", ()) if not _COMPUTED.search(key)):
        raise UnsupportedModel(
            f"{name} has weights that its architecture doesn't have: {_some(unexpected)}",
            hint="Give the config.json that these weights were saved with, or save them again with the model.",
        )


def check_sizes(name: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Refuse a tokenizer that has tokens which the model doesn't.

    Raises:
        UnsupportedModel: it has.
    """
    embedding = model.get_input_embeddings()
    rows = getattr(embedding, "num_embeddings", None)
    # Some classes (Qwen2Tokenizer, those of GGUF files) add special tokens that are in no file and that nothing uses.
    used = {tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token}
    template = str(getattr(tokenizer, "chat_template", None) or "")
    idle = {
        str(token)
        for token in tokenizer.added_tokens_decoder.values()
        if token.special and str(token) not in used and str(token) not in template
    }
    highest = max((number for token, number in tokenizer.get_vocab().items() if token not in idle), default=-1)
    if isinstance(rows, int) and highest >= rows:
        raise UnsupportedModel(
            f"the tokenizer of {name} has {highest + 1} tokens and the model only {rows}",
            hint="Put the model's own tokenizer there, or resize the model: model.resize_token_embeddings(…), and save"
            " both.",
        )


@torch.no_grad()
def check_forward(name: str, model: PreTrainedModel) -> None:
    """Refuse a model that can't read a few tokens by itself.

    Raises:
        UnsupportedModel: its own forward fails, or gives something else than finite numbers.
    """
    ids = torch.arange(3, device=model.device).unsqueeze(0)
    try:
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
        finite = bool(torch.isfinite(logits).all())
    except torch.OutOfMemoryError:
        raise
    except UNREADABLE as error:
        raise UnsupportedModel(
            f"{name} fails at three tokens, without any edit: {_reason(error)}",
            hint="Check that transformers alone runs it; its config.json may not be that of its weights.",
        ) from error
    if not finite:
        raise UnsupportedModel(
            f"{name} answers three tokens with values that are no numbers, without any edit",
            hint="Its weights are damaged, or overflow in this dtype: download it again, or load it in float32.",
        )


def brings_code(model: PreTrainedModel) -> bool:
    """Whether a model's class is none of ``transformers``' own, but of Python files that lie beside it."""
    return type(model).__module__.split(".")[0] != "transformers"


def natural_dtype(config: Any) -> Any:
    """The checkpoint's own dtype, but float32 for halves where there is no accelerator: CPUs are slow in halves."""
    half = getattr(config, "dtype", None) in (torch.float16, torch.bfloat16)
    return torch.float32 if half and not torch.cuda.is_available() else "auto"


def _check_quantisation(name: str, config: Any) -> None:
    packing = getattr(config, "quantization_config", None)
    if packing is None:
        return
    method = packing.get("quant_method") if isinstance(packing, Mapping) else getattr(packing, "quant_method", None)
    method = getattr(method, "value", method)
    if method not in (None, "bitsandbytes", *AUTO_QUANTIZATION_CONFIG_MAPPING):
        raise UnsupportedModel(
            f"the weights of {name} are quantised by '{method}', which transformers doesn't know",
            hint="Use the model's unquantised weights, or a GGUF file.",
        )


def _unloadable(name: str, error: BaseException) -> UnsupportedModel:
    if _wants_code(error):
        return UnsupportedModel(
            f"{name} brings Python code of its own, which wisedb doesn't run unasked",
            hint="Read that code; if you trust it, `wisedb init --trust-remote-code` or `wisedb base set MODEL"
            " --trust-remote-code` runs it, and from then on exactly this code for that store.",
        )
    reason = _reason(error)
    if isinstance(error, ImportError):
        return UnsupportedModel(
            f"{name} can't be loaded without a package that isn't installed: {reason}",
            hint="Install it, or use the model's unquantised weights.",
        )
    return UnsupportedModel(
        f"{name} can't be loaded as a causal language model: {reason}",
        hint="wisedb edits decoder-only models that transformers knows by itself.",
    )


def _wants_code(error: BaseException) -> bool:
    return isinstance(error, ValueError) and "trust_remote_code" in str(error)


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + _more(names, _SHOWN)


def _more(names: Sequence[object], shown: int = 1) -> str:
    return f", and {len(names) - shown} more" if len(names) > shown else ""
