"""What a model holds of a text: its token embeddings, the states at one block's door, its prediction at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

from wisedb.errors import UnsupportedModel
from wisedb.model.locate import Projection
from wisedb.model.tokens import pad_batch

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Captured(NamedTuple):
    """One text as the model sees it; float32 on the CPU.

    Attributes:
        tokens: (T, d) what the embedding module gives for each token, before any position is added.
        states: (T, d_model) the hidden states that enter the block.
        prediction: (V,) the probabilities of the next token, or None where it wasn't asked for.
    """

    tokens: torch.Tensor
    states: torch.Tensor
    prediction: torch.Tensor | None


def embedding_of(model: nn.Module) -> nn.Module:
    """The module that turns token ids into vectors.

    Raises:
        UnsupportedModel: the model has none that it would name.
    """
    name: Any = getattr(model, "get_input_embeddings", None)
    found = None if name is None else name()
    if not isinstance(found, nn.Module):
        raise UnsupportedModel(
            f"{type(model).__name__} has no embedding module", hint="Keys need one: use the activation router."
        )
    return found


def block_input(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
    """The hidden states among a block's arguments."""
    states: torch.Tensor = args[0] if args else kwargs["hidden_states"]
    return states


@torch.no_grad()
def capture(
    model: PreTrainedModel,
    projection: Projection,
    layer: int,
    sequences: Sequence[Sequence[int]],
    *,
    predictions: bool = False,
    together: int = 64,
) -> Iterator[Captured]:
    """Run texts through the model, in batches padded on the right (attention is causal: the padding isn't seen).

    Args:
        model: in evaluation mode, without memories.
        projection: what :func:`wisedb.model.locate.locate` found; its blocks are the model's.
        layer: the block whose input is wanted, from 0.
        sequences: token ids, none of them empty.
        predictions: whether the next token's probabilities are wanted.
        together: how many texts a batch.

    Yields:
        each text's observation, in order.
    """
    kept: dict[str, torch.Tensor] = {}

    def keep_tokens(_module: nn.Module, _args: Any, output: torch.Tensor) -> None:
        kept["tokens"] = output

    def keep_states(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        kept["states"] = block_input(args, kwargs)

    with ExitStack() as stack:
        stack.callback(embedding_of(model).register_forward_hook(keep_tokens).remove)
        stack.callback(projection.blocks[layer].register_forward_pre_hook(keep_states, with_kwargs=True).remove)
        for start in range(0, len(sequences), together):
            some = sequences[start : start + together]
            ids, mask = pad_batch(some, 0, "right")
            ids, mask = ids.to(model.device), mask.to(model.device)
            output = model(input_ids=ids, attention_mask=mask, use_cache=False)
            shape = (*ids.shape, -1)
            tokens, states = (kept[name].reshape(shape).float().cpu() for name in ("tokens", "states"))
            for row, sequence in enumerate(some):
                size = len(sequence)
                said = output.logits[row, size - 1].float().softmax(-1).cpu() if predictions else None
                yield Captured(tokens[row, :size], states[row, :size], said)
