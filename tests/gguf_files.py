"""Tiny GGUF files, written as llama.cpp's converter writes those of a LLaMA."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import torch
from gguf import GGMLQuantizationType as Kind
from transformers import PreTrainedModel

from tests.models import BOS, EOS, PAD, tiny_model, tiny_tokenizer

_NORMAL, _CONTROL = 1, 3
_ROWS_OF_BLOCKS = {"intermediate_size": 96}  # a block is 32 numbers of a row


def write_gguf(
    file: Path,
    *,
    kind: Kind = Kind.F32,
    architecture: str = "llama",
    tokenizer: str = "gpt2",
    without: str = "",
    seed: int = 0,
) -> PreTrainedModel:
    """Write a tiny LLaMA with its tokenizer, and give back the model that was written.

    Args:
        file: the new file.
        kind: how matrices are packed.
        architecture: what the file calls it.
        tokenizer: what the file calls its kind of tokenizer.
        without: a tensor of the model that is left out, as ``state_dict`` calls it.
        seed: of the weights.
    """
    model = tiny_model("llama", seed, **_ROWS_OF_BLOCKS)
    writer = gguf.GGUFWriter(file, architecture)
    _add_sizes(writer, model.config)
    _add_tokenizer(writer, tokenizer)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, model.config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        if name != without:
            _add_tensor(writer, str(names.get_name(name, (".weight",))), _as_llama_cpp(name, tensor, model), kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return model


def _add_sizes(writer: gguf.GGUFWriter, config: Any) -> None:
    writer.add_name("tiny")
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])


def _add_tokenizer(writer: gguf.GGUFWriter, kind: str) -> None:
    tokenizer = tiny_tokenizer()
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    writer.add_tokenizer_model(kind)
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([_CONTROL if token in tokenizer.all_special_tokens else _NORMAL for token in tokens])
    writer.add_token_merges([" ".join(merge) for merge in merges])
    writer.add_pad_token_id(PAD)
    writer.add_bos_token_id(BOS)
    writer.add_eos_token_id(EOS)


def _as_llama_cpp(name: str, tensor: torch.Tensor, model: PreTrainedModel) -> torch.Tensor:
    """The rows in the order in which llama.cpp rotates queries and keys: the two halves of a head interleaved."""
    config = model.config
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(name.split(".")[-2])
    if heads is None:
        return tensor
    return tensor.reshape(heads, 2, -1, tensor.shape[1]).transpose(1, 2).reshape(tensor.shape)


def _add_tensor(writer: gguf.GGUFWriter, name: str, tensor: torch.Tensor, kind: Kind) -> None:
    values = tensor.contiguous().numpy()
    if kind == Kind.F32 or tensor.ndim < 2:
        writer.add_tensor(name, values)
    else:
        writer.add_tensor(name, gguf.quantize(values, kind), raw_dtype=kind)
