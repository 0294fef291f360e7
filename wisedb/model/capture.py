"""What a model holds of a text: its token embeddings, the states at one block's door, its prediction at the end."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from threading import get_ident
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

from wisedb.errors import UnsupportedModel
from wisedb.model.locate import Projection
from wisedb.model.tokens import pad_batch

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from wisedb.model.opening import Opening


# Batches whose texts are sorted by length together: padding costs as much as text.
_BATCHES = 16


class BlockReached(Exception):
    """Ends a forward at the block: nothing above it is wanted."""


class Captured(NamedTuple):
    """One text as the model sees it, T tokens of it; float32 on the CPU.

    Attributes:
        tokens: (T, d) what the embedding module gives for each token, before any position is added.
        states: (T, d_model) the hidden states that enter the block; (T, n·d_model), side by side, of n blocks.
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
    layers: int | Sequence[int],
    sequences: Sequence[Sequence[int]],
    *,
    predictions: bool = False,
    together: int = 64,
    opening: Opening | None = None,
    report: Callable[[int], None] | None = None,
) -> Iterator[Captured]:
    """Run texts through the model, in batches padded on the right (attention is causal: the padding isn't seen).

    Nothing above the highest block is computed where no prediction is wanted.

    Args:
        model: in evaluation mode, without memories.
        projection: what :func:`wisedb.model.locate.locate` found; its blocks are the model's.
        layers: the block whose input is wanted, from 0, or several, the highest one last.
        sequences: token ids, none of them empty.
        predictions: whether the next token's probabilities are wanted.
        together: how many texts a batch.
        opening: what the texts begin with, read up to the block: only what stands behind it is run, and observed. A
            text that begins otherwise is run as a whole, and what stands in that place is left out all the same. No
            prediction is to be had then.
        report: told after each batch how many texts were run in it.

    Yields:
        each text's observation, in order.
    """
    blocks = (layers,) if isinstance(layers, int) else tuple(layers)
    embedded: list[torch.Tensor] = []
    entered: list[torch.Tensor] = []
    # Other threads may run the same model meanwhile.
    own = get_ident()

    def keep_tokens(_module: nn.Module, _args: Any, output: torch.Tensor) -> None:
        if get_ident() == own:
            embedded.append(output)

    def keep_states(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if get_ident() != own:
            return
        entered.append(block_input(args, kwargs))
        if len(entered) == len(blocks) and not predictions:
            raise BlockReached

    def run(some: Sequence[Sequence[int]]) -> list[Captured]:
        ids, mask = pad_batch(some, 0, "right")
        ids, mask = ids.to(model.device), mask.to(model.device)
        inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": mask, "use_cache": False}
        left = 0
        if opening is not None:
            left = len(opening.ids)
            if all(map(opening.opens, some)):
                inputs = opening.inputs(ids, mask)
        ends = torch.tensor([len(sequence) - 1 for sequence in some])
        wanted, columns = torch.unique(ends, return_inverse=True)
        # The output embeddings are wide: they run at the texts' ends alone, where the family lets them.
        few = {"logits_to_keep": wanted.to(model.device)} if predictions and keeps_logits else {}
        logits = None
        embedded.clear()
        entered.clear()
        with suppress(BlockReached):
            logits = model(**inputs, **few).logits
        shape = (*inputs["input_ids"].shape, -1)
        # From the first token on that is observed.
        tokens, *states_of = (
            part.reshape(shape).float().cpu()[:, left - ids.shape[1] :] for part in (embedded[-1], *entered)
        )
        states = states_of[0] if len(states_of) == 1 else torch.cat(states_of, dim=-1)
        said = None if logits is None else logits[range(len(some)), columns if few else ends].float().softmax(-1).cpu()
        return [
            Captured(tokens[row, : end + 1 - left], states[row, : end + 1 - left], None if said is None else said[row])
            for row, end in enumerate(ends.tolist())
        ]

    keeps_logits = "logits_to_keep" in inspect.signature(model.forward).parameters
    with ExitStack() as stack:
        stack.callback(embedding_of(model).register_forward_hook(keep_tokens).remove)
        for layer in blocks:
            stack.callback(projection.blocks[layer].register_forward_pre_hook(keep_states, with_kwargs=True).remove)
        window = together * _BATCHES
        for first in range(0, len(sequences), window):
            several = sequences[first : first + window]
            order = sorted(range(len(several)), key=lambda number: len(several[number]))
            found: dict[int, Captured] = {}
            for start in range(0, len(order), together):
                numbers = order[start : start + together]
                found.update(zip(numbers, run([several[number] for number in numbers]), strict=True))
                if report is not None:
                    report(len(numbers))
            yield from (found[number] for number in range(len(several)))
