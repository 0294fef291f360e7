"""In which manner a sentence asks: for a fact, for a text in which the fact is to come up, or for nothing.

The states that say what is asked (:mod:`wisedb.memory.gates.keys.question_map`) show it more clearly than anything
else. Two directions of them are learned by ridge regression on the sentences that ship with wisedb, both classes
counting alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from wisedb.memory.gates.keys.whitening import halves_alike

# λ in units of the mean of the states' squared lengths. Kinds of things left out by turns, .995 of the questions and
# requests of SmolLM2-135M-Instruct are told right with .01 to 1, and .996 of the questions and statements with .1.
_SHRINKAGE = 0.1
# A sentence counts as a statement from so far on the way from the middle to the mean of the statements: a reply that is
# cut short loses more than one that goes on.
_SURE = 0.25


def compute_manner(states: torch.Tensor, requested: Sequence[bool | None], statements: torch.Tensor) -> torch.Tensor:
    """What tells in which manner a sentence asks, float32 (2, 2·d + 1).

    What a sentence asks, and 1, times the first row is above 0 where it asks for a text, times the second where it asks
    for nothing.

    Args:
        states: what questions and requests ask, (n, 2·d).
        requested: whether each asks for a text; None for what may be either.
        statements: the same of sentences that ask for nothing, (m, 2·d).
    """
    states, statements = states.double(), statements.double()
    chosen = torch.tensor([asks is not None for asks in requested])
    text = torch.tensor([bool(asks) for asks in requested])[chosen]
    both = torch.cat([states, statements])
    nothing = torch.arange(len(both)) >= len(states)
    return torch.stack([_direction(states[chosen], text, 0.0), _direction(both, nothing, _SURE)]).float()


def asks_for_text(manner: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
    """Whether sentences ask for a text: what they ask, (..., 2·d) → bool (...)."""
    return _seen(manner[0], states)


def asks_nothing(manner: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
    """Whether sentences ask for nothing: what they ask, (..., 2·d) → bool (...)."""
    return _seen(manner[1], states)


def _seen(weights: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
    weights = weights.to(states.device)
    return states.float() @ weights[:-1] + weights[-1] > 0


def _direction(states: torch.Tensor, there: torch.Tensor, sure: float) -> torch.Tensor:
    """What tells the states of one class, bool (n,), from the others, (d + 1,): weights and their bias."""
    mean = states.mean(dim=0)
    scale = halves_alike(states - mean)
    centred = (states - mean) * scale
    share = torch.where(there, there.double().mean(), 1 - there.double().mean())
    products = centred @ centred.T
    ridge = _SHRINKAGE * products.diagonal().mean() * 2 * share
    wanted = there.double() * 2 - 1
    direction = centred.T @ torch.linalg.solve(products + torch.diag(ridge), wanted)
    seen = centred @ direction
    yes, no = seen[there].mean(), seen[~there].mean()
    weights = direction * scale
    bias = -(yes + no) / 2 - sure * (yes - no) / 2 - weights @ mean
    return torch.cat([weights, bias[None]])
