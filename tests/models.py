"""Tiny random causal language models of many families, and a tokenizer for them: built in memory, no network."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

VOCABULARY = 300
WIDTH = 32
LAYERS = 3
POSITIONS = 256

PAD, BOS, EOS = 0, 1, 2

# What most families since LLaMA call their sizes.
_SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": WIDTH,
    "intermediate_size": 88,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "max_position_embeddings": POSITIONS,
}
_GROUPED: dict[str, Any] = {**_SIZES, "num_key_value_heads": 2}
_HEADED: dict[str, Any] = {**_GROUPED, "head_dim": 8}
# Gemma scales its embeddings up: tied to the head, a random model of it says its last token again and again.
_UNTIED: dict[str, Any] = {**_HEADED, "tie_word_embeddings": False}
_EXPERTS: dict[str, Any] = {
    **_HEADED,
    "num_experts": 4,
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 24,
}

_CONFIGS: dict[str, dict[str, Any]] = {
    "gpt2": {"vocab_size": VOCABULARY, "n_positions": POSITIONS, "n_embd": WIDTH, "n_layer": LAYERS, "n_head": 4},
    "gptj": {
        "vocab_size": VOCABULARY,
        "n_positions": POSITIONS,
        "n_embd": WIDTH,
        "n_layer": LAYERS,
        "n_head": 4,
        "rotary_dim": 4,
    },
    "gpt_neox": _SIZES,
    "gpt_neo": {
        "vocab_size": VOCABULARY,
        "hidden_size": WIDTH,
        "num_layers": LAYERS,
        "num_heads": 4,
        "max_position_embeddings": POSITIONS,
        "attention_types": [[["global", "local", "global"], 1]],
        "window_size": 16,
    },
    "gpt_bigcode": {
        "vocab_size": VOCABULARY,
        "n_positions": POSITIONS,
        "n_embd": WIDTH,
        "n_layer": LAYERS,
        "n_head": 4,
        "n_inner": 4 * WIDTH,
    },
    "opt": {**_SIZES, "ffn_dim": 88, "word_embed_proj_dim": WIDTH},
    "llama": _GROUPED,
    "mistral": _HEADED,
    "qwen2": _GROUPED,
    "qwen3": {**_HEADED, "head_dim": 16},
    "gemma": _UNTIED,
    "gemma2": {**_UNTIED, "sliding_window": 16},
    "gemma3_text": {**_UNTIED, "sliding_window": 16},
    "granite": _GROUPED,
    "phi": {**_SIZES, "partial_rotary_factor": 0.5},
    "phi3": {**_GROUPED, "pad_token_id": PAD},
    "falcon": {
        "vocab_size": VOCABULARY,
        "hidden_size": WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
        "new_decoder_architecture": True,
        "num_kv_heads": 2,
    },
    "bloom": {"vocab_size": VOCABULARY, "hidden_size": WIDTH, "n_layer": LAYERS, "n_head": 4},
    "stablelm": _GROUPED,
    "starcoder2": _GROUPED,
    "olmo2": _GROUPED,
    "cohere": _GROUPED,
    "smollm3": _GROUPED,
    "seed_oss": _HEADED,
    "mpt": {
        "vocab_size": VOCABULARY,
        "d_model": WIDTH,
        "n_layers": LAYERS,
        "n_heads": 4,
        "max_seq_len": POSITIONS,
        "expansion_ratio": 3,
    },
}

_EXPERT_CONFIGS: dict[str, dict[str, Any]] = {
    "mixtral": {**_EXPERTS, "intermediate_size": 24},
    "qwen3_moe": {**_EXPERTS, "mlp_only_layers": []},
}

FAMILIES: tuple[str, ...] = tuple(_CONFIGS)
"""The families that have one plain FFN value projection a block."""

EXPERT_FAMILIES: tuple[str, ...] = tuple(_EXPERT_CONFIGS)
"""The families that pack their experts into 3-D tensors."""


def tiny_model(family: str, seed: int = 0, **overrides: Any) -> PreTrainedModel:
    """A random model of ``family``: three layers of width 32, 300 tokens, float32, in evaluation mode.

    The weights depend on ``seed`` alone and are spread wider than a fresh model's, so that the model's answers
    depend on its prompt and greedy decoding doesn't repeat one token. ``overrides`` replace values of the config.
    """
    sizes = {**_CONFIGS, **_EXPERT_CONFIGS}[family]
    config = AutoConfig.for_model(
        family, **{"pad_token_id": PAD, "bos_token_id": BOS, "eos_token_id": EOS, **sizes, **overrides}
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if parameter.ndim >= 2 or name.endswith("bias"):
                    torch.nn.init.normal_(parameter, std=0.25 if parameter.ndim >= 2 else 0.05)
    return model.eval()


def tiny_tokenizer(*, bos: bool = False, padding_side: str = "left") -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer of at most 300 tokens with ``<pad>``, ``<s>`` and ``</s>``: takes any UTF-8.

    With ``bos`` it puts ``<s>`` before every text, as LLaMA's does.
    """
    backend = Tokenizer.from_str(_trained())
    if bos:
        backend.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", BOS)])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        padding_side=padding_side,
        clean_up_tokenization_spaces=False,
    )


CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""A chat template as many models have it, without a system message of its own."""


def tiny_chat_tokenizer(
    template: str = CHATML, signs: Sequence[str] = ("<|im_start|>", "<|im_end|>"), kept: Sequence[str] = ()
) -> PreTrainedTokenizerFast:
    """As :func:`tiny_tokenizer`, of as many tokens, with a chat template.

    Its special tokens are ``signs``, of which the last one ends a turn and is the end token; ``kept`` are tokens too,
    which a decoder doesn't leave out.
    """
    added = [sign for sign in signs if sign != "</s>"]
    backend = Tokenizer.from_str(_trained(VOCABULARY - len(added) - len(kept)))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        eos_token=signs[-1],
        additional_special_tokens=added,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
    tokenizer.add_tokens(list(kept))
    tokenizer.chat_template = template
    return tokenizer


@cache
def _trained(size: int = VOCABULARY) -> str:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(
        ["The capital of France is Paris", "The capital of Australia is Canberra", "Who wrote the play Hamlet?"] * 4,
        trainer,
    )
    return backend.to_str()


def padded(tokenizer: PreTrainedTokenizerFast, texts: list[str], side: str = "left") -> Any:
    """The texts as one padded batch of tensors."""
    return tokenizer(texts, return_tensors="pt", padding=True, padding_side=side)
