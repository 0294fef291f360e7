"""A random model of a real Llama's shape with a thousand random edits in its side memories, for measuring cost.

Nothing here is trained: what a forward costs depends on shapes, dtypes and routes alone. The shape is SmolLM-135M's
(135 M parameters, 30 blocks). One projection is .66 % of its parameters; one of LLaMA-2-7B's 32 is .67 %.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from wisedb.memory.gates.base import Gate
from wisedb.memory.gates.keys.edit_keys import EditKeys
from wisedb.memory.gates.keys.reading_layers import relation_layer
from wisedb.memory.gates.keys.statistics import RELATION_SIZE, TOKEN_SIZE, Statistics
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.memory.kinds.masks import random_mask
from wisedb.memory.memory import Memory
from wisedb.model.locate import Projection, locate

VOCABULARY = 49152
WORDS = 12
"""Tokens of an edit's prompt, of which the first :data:`SUBJECT` are its subject."""
SUBJECT = 3
RATIO = 0.2
_TEXTS = 300
# Edits take their tokens from below, unrelated prompts from above.
_SPLIT = VOCABULARY // 2


def llama(dtype: torch.dtype, seed: int = 0, **sizes: int) -> LlamaForCausalLM:
    """The random model, in evaluation mode; ``sizes`` replace values of the config."""
    config = LlamaConfig(
        **{
            "vocab_size": VOCABULARY,
            "hidden_size": 576,
            "intermediate_size": 1536,
            "num_hidden_layers": 30,
            "num_attention_heads": 9,
            "num_key_value_heads": 3,
            "tie_word_embeddings": True,
            "bos_token_id": 0,
            "eos_token_id": 0,
            "pad_token_id": 0,
            **sizes,
        }
    )
    torch.manual_seed(seed)
    model = LlamaForCausalLM(config).to(dtype).eval()
    # Nothing may end an answer early.
    model.generation_config.eos_token_id = None
    return model


def twin(model: PreTrainedModel) -> PreTrainedModel:
    """Modules of its own over the very same weights, so that hooks stand beside one and not the other."""
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, shared)


def statistics(model: PreTrainedModel, projection: Projection, seed: int = 0) -> Statistics:
    """Random maps of full size, and texts of random tokens."""
    generator = torch.Generator().manual_seed(seed)
    width = int(model.config.hidden_size)
    lengths = torch.randint(10, 25, (_TEXTS,), generator=generator, dtype=torch.int32)
    return Statistics(
        relation_layer(projection),
        torch.zeros(width),
        torch.randn(width, TOKEN_SIZE, generator=generator) / math.sqrt(width),
        torch.zeros(width),
        torch.randn(width, RELATION_SIZE, generator=generator) / math.sqrt(width),
        torch.randint(1, VOCABULARY, (int(lengths.sum()),), generator=generator, dtype=torch.int32),
        lengths,
        torch.randint(0, 32, (VOCABULARY,), generator=generator, dtype=torch.uint8),
        (),
    )


def edit_prompts(count: int, seed: int = 0) -> torch.Tensor:
    """int64 (count, WORDS): the token ids of edits' prompts."""
    return torch.randint(1, _SPLIT, (count, WORDS), generator=torch.Generator().manual_seed(seed))


def unrelated_prompts(rows: int, length: int, seed: int = 1) -> torch.Tensor:
    """int64 (rows, length): prompts in which no token is an edit's."""
    return torch.randint(_SPLIT, VOCABULARY, (rows, length), generator=torch.Generator().manual_seed(seed))


def prompts_of(edits: torch.Tensor, length: int, seed: int = 2) -> torch.Tensor:
    """int64 (rows, length): a prompt that ends in each edit's, behind unrelated tokens."""
    return torch.cat([unrelated_prompts(len(edits), length - WORDS, seed), edits], dim=1)


@torch.no_grad()
def relations(model: PreTrainedModel, found: Statistics, prompts: torch.Tensor) -> torch.Tensor:
    """The relation keys (rows, r) that the model's own states give the prompts."""
    states = model.model(prompts, output_hidden_states=True, use_cache=False).hidden_states[found.layer]
    return found.relations(states[:, -1])


def ring(found: Statistics, prompts: torch.Tensor, keys: torch.Tensor) -> EditKeys:
    """Keys as a memory's edits would have: the whole prompt, and the subject spelt in two other ways."""
    count = len(prompts)
    whole = torch.tensor([[key, WORDS, 0, SUBJECT] for key in range(count)], dtype=torch.int32)
    readings = whole.repeat_interleave(3, dim=0)
    readings[1::3, 1] = readings[2::3, 1] = readings[1::3, 3] = readings[2::3, 3] = SUBJECT
    other = torch.stack([prompts[:, :SUBJECT], (prompts[:, :SUBJECT] + 7) % (_SPLIT - 1) + 1])
    tokens = torch.cat([prompts, other[0], other[1]], dim=1).reshape(-1)
    return EditKeys(
        found,
        torch.arange(count, dtype=torch.int32),
        keys.half(),
        torch.ones(count),
        tokens.int(),
        readings,
    )


def side_memories(
    model: PreTrainedModel, shards: int, edits: torch.Tensor, asked: torch.Tensor, found: Statistics, seed: int = 0
) -> list[Memory]:
    """The edits spread over ``shards`` memories, one after the other as cards are dealt; values in the model's dtype.

    Args:
        edits: int64 (edits, WORDS).
        asked: the relation keys of the first edits, (a, r); the others' are random.
    """
    projection = locate(model)
    generator = torch.Generator().manual_seed(seed)
    keys = torch.randn(len(edits), asked.shape[1], generator=generator) * asked.std()
    keys[: len(asked)] = asked
    made = []
    for number in range(shards):
        mask = random_mask((projection.d_ff, projection.d_model), RATIO, seed * 1000 + number)
        values = torch.randn(int(mask.sum()), generator=generator).mul_(0.02).to(model.dtype)
        own = slice(number, None, shards)
        names = tuple(f"{number}/{place}" for place in range(len(edits[own])))
        gate = Gate("keys", keys=ring(found, edits[own], keys[own]))
        made.append(Memory(f"{number:064x}", MaskedDelta.under(projection.name, mask, values), gate, names))
    return made


def with_thresholds(memories: Sequence[Memory], threshold: float) -> list[Memory]:
    """The same memories behind the activation, with an ε."""
    return [replace(memory, gate=Gate("activation", threshold)) for memory in memories]
