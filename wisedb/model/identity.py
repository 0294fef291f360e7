"""What a base model is: everything that changes what it computes, told field by field.

The weights have a digest of their own (:mod:`wisedb.model.fingerprint`). Here is the rest of the function: the fields
of the configuration that a forward pass depends on, and the parts of the tokenizer by which a text becomes token ids.
What lies in the same files and changes neither (a name, a template, a version, settings for generation or training) may
change without a refusal; of these, the template and the settings for generation are kept to be compared.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wisedb.canonical import canonical_json, digest
from wisedb.config import Function
from wisedb.model.fingerprint import tokenizer_files

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedConfig, PreTrainedTokenizerBase

# Fields of a configuration that no forward pass in evaluation mode depends on.
_NO_FUNCTION: Final = frozenset(
    {
        "architectures",
        "auto_map",
        "bos_token_id",
        "decoder_start_token_id",
        "dtype",
        "eos_token_id",
        "finetuning_task",
        "forced_eos_token_id",
        "gradient_checkpointing",
        "id2label",
        "initializer_range",
        "label2id",
        "mask_token_id",
        "name_or_path",
        "output_attentions",
        "output_hidden_states",
        "output_router_logits",
        "pad_token_id",
        "prefix",
        "pretraining_tp",
        "problem_type",
        "return_dict",
        "router_aux_loss_coef",
        "sep_token_id",
        "task_specific_params",
        "torch_dtype",
        "transformers_version",
        "unk_token_id",
        "use_cache",
    }
)
# Those of training alone end so: hidden_dropout, attention_dropout, resid_pdrop …
_TRAINING: Final = ("dropout", "pdrop", "dropout_prob")
_SHORT: Final = 16
_CONFIG: Final = "config.json"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which a model is another one than a store was made for.

    Attributes:
        field: ``weights``, ``config.…``, ``tokenizer.…``, ``code``, or ``rest.…`` for what changes no function.
        was: what the store knows, ``None`` where there was nothing or it isn't known.
        is_: what was found, ``None`` where there is nothing.
    """

    field: str
    was: Any
    is_: Any

    @property
    def matters(self) -> bool:
        """Whether it changes what the model computes."""
        return not self.field.startswith("rest.")

    def to_json(self) -> dict[str, Any]:
        """``{"field", "was", "is"}``."""
        return {"field": self.field, "was": self.was, "is": self.is_}

    def __str__(self) -> str:
        return f"{self.field}: {_shown(self.was)} → {_shown(self.is_)}"


def files_digest(folder: Path, *, code: bool = False) -> str:
    """SHA-256 over names and bytes of configuration and tokenizer: where it is equal, nothing need be compared.

    Args:
        folder: the model's.
        code: take in the Python files that lie there: they are run.
    """
    files = {*tokenizer_files(folder), folder / _CONFIG, *(folder.glob("*.py") if code else ())}
    return _digest_of_files(sorted(file for file in files if file.is_file()))


def function_of(
    config: PreTrainedConfig,
    tokenizer: PreTrainedTokenizerBase,
    generation: GenerationConfig,
    folder: Path,
    *,
    code: bool = False,
) -> Function:
    """What a loaded model computes beside its weights.

    Args:
        config: the model's configuration, as it was loaded.
        tokenizer: its tokenizer.
        generation: its own settings for generation.
        folder: where all of them came from.
        code: whether Python files that lie there were run.
    """
    source = sorted(folder.glob("*.py")) if code else []
    return Function(
        files_digest(folder, code=code),
        _config_fields(config),
        _tokenizer_parts(tokenizer, folder),
        _digest_of_files(source) if source else None,
        _rest(generation, tokenizer),
    )


def differences(was: Function, found: Function, usual: Mapping[str, Any]) -> list[Difference]:
    """In what two functions differ, field by field; weights aside.

    Args:
        was: what a store knows.
        found: what is there.
        usual: the architecture's defaults, which neither of the two lists, as :func:`usual_fields` has them.
    """
    kept = {f"config.{name}": value for name, value in usual.items()}
    pairs: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = [
        ("config.", was.config, found.config),
        ("tokenizer.", was.tokenizer, found.tokenizer),
        ("", {"code": was.code}, {"code": found.code}),
        ("rest.", was.rest, found.rest),
    ]
    return [
        Difference(prefix + name, *(each.get(name, kept.get(prefix + name)) for each in (one, other)))
        for prefix, one, other in pairs
        for name in sorted(one.keys() | other.keys())
        if one.get(name) != other.get(name)
    ]


def _config_fields(config: PreTrainedConfig) -> dict[str, Any]:
    """The fields that change the function and are not the architecture's defaults: a later version may add fields."""
    given = dict(_flat(_plain(config.to_dict())))
    usual = usual_fields(config)
    return {
        name: value
        for name, value in given.items()
        if _is_function(name) and value is not None and (name == "model_type" or usual.get(name) != value)
    }


def usual_fields(config: PreTrainedConfig) -> dict[str, Any]:
    """The defaults of a configuration's class, flat; empty for a class that has none."""
    try:
        return dict(_flat(_plain(type(config)().to_dict())))
    except (TypeError, ValueError, AttributeError):  # it must be told more
        return {}


def _is_function(name: str) -> bool:
    last = name.rpartition(".")[2]
    return last not in _NO_FUNCTION and not last.startswith("_") and not last.endswith(_TRAINING)


def _plain(record: Mapping[str, Any]) -> Any:
    # What isn't JSON is told by its text; and 10000 is 10000.0.
    return json.loads(json.dumps(record, default=str), parse_constant=str, parse_float=_number)


def _number(text: str) -> int | float:
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 1 << 53 else value


def _flat(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, canonical_json(value).decode() if isinstance(value, list) else value


def _tokenizer_parts(tokenizer: PreTrainedTokenizerBase, folder: Path) -> dict[str, str]:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        # Its own Python code reads its files: which of their bytes count isn't known.
        parts: dict[str, Any] = {"files": _digest_of_files(tokenizer_files(folder))}
    else:
        whole = json.loads(backend.to_str())
        model = dict(whole.get("model") or {})
        parts = {
            "vocabulary": model.pop("vocab", None),
            "merges": model.pop("merges", None),
            "model": model,
            **{name: whole.get(name) for name in ("added_tokens", "normalizer", "pre_tokenizer", "post_processor")},
            "decoder": [whole.get("decoder"), bool(getattr(tokenizer, "clean_up_tokenization_spaces", False))],
        }
    # How it pads is wisedb's own business.
    parts["special_tokens"] = [tokenizer.bos_token, tokenizer.eos_token, tokenizer.unk_token]
    return {name: digest(canonical_json(part))[:_SHORT] for name, part in parts.items()}


def _rest(generation: GenerationConfig, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    template = getattr(tokenizer, "chat_template", None)
    plain = dict(_flat(_plain(generation.to_diff_dict())))
    return {
        **({"chat_template": digest(canonical_json(template))[:_SHORT]} if template else {}),
        **{
            f"generation.{name}": value
            for name, value in plain.items()
            if value is not None and not name.startswith("_") and name != "transformers_version"
        },
    }


def _digest_of_files(files: list[Path]) -> str:
    return digest(canonical_json([[file.name, hashlib.sha256(file.read_bytes()).hexdigest()] for file in files]))


def _shown(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:37]}…"
