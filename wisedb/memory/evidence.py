"""How strongly a prompt means an edit: which thing is meant, and what is asked of it.

With x_1 … x_T the whitened tokens of the prompt, k_i those of a way to spell the subject, w_i what they count for,
q the prompt's relation key and r the edit's, κ how much the model knows of such things:

    m_i = max_t max(0, ⟨k_i, x_t⟩)                       is token i of the subject anywhere in the prompt?
    c   = Σ w_i m_i / Σ w_i                              how much of the subject is there
    h   = Σ w_i m_i²                                     how much that says
    S   = max over spellings of  −a·log(1 + δ − c) + b·h                                  (which thing)
    R   = κ·(g·⟨q, r⟩ − f)                                                              (what is asked)
    s   = S + R − s₀                                     an edit is meant where s ≥ 0; of several, the largest s

Everything is a maximum over the tokens so far, so that s at a position is that of the prompt that ends there. m is late
interaction (ColBERT, Khattab and Zaharia 2020) with tokens weighted by their rarity; a, b, f, g, s₀ are fitted once, on
edits that nothing is measured on, and are the same for every model and data set.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from wisedb.memory.key_index import KeyIndex

COVERAGE = 3.79
INFORMATION = 0.4
RELATION = 12.33
UNASKED = 11.15
BIAS = 11.91
_FLOOR = 0.03
# Numbers a step at most, so that many edits and long prompts don't need much memory at once.
_BUDGET = 1 << 23
# What sums in another order may differ by.
_SLACK = 0.01


class Meant(NamedTuple):
    """What the evidence says, at every position asked for.

    Attributes:
        scores: float32 (B, Q, n): of each memory, the largest s of its keys; −∞ without keys or without a token.
        best: int64 (B, Q): the edit with the largest s, counted over all memories.
    """

    scores: torch.Tensor
    best: torch.Tensor


def subject_evidence(found: torch.Tensor, index: KeyIndex) -> torch.Tensor:
    """S of every key.

    Args:
        found: float32 (C, u), m: for each case, how well each token of the table was found, 0 to 1.
        index: the keys.

    Returns:
        float32 (C, k).
    """
    both = torch.cat([found, found.square()]).T.contiguous()
    sums = torch.nn.functional.embedding_bag(
        index.slots, both, index.starts, mode="sum", per_sample_weights=index.weights.to(both.dtype)
    )
    there, says = torch.split(sums, len(found), dim=1)
    coverage = there / index.totals[:, None]
    strength = INFORMATION * says - COVERAGE * torch.log((1 + _FLOOR - coverage).clamp(min=_FLOOR))
    strength = torch.cat([strength, strength.new_full((1, len(found)), -torch.inf)])
    return strength[index.readings].amax(dim=1).T


def relation_evidence(asked: torch.Tensor, index: KeyIndex) -> torch.Tensor:
    """R of every key, float32 (C, k), from prompts' relation keys (C, r), not centred."""
    direction = torch.nn.functional.normalize(asked - index.centre, dim=-1)
    return index.knowledge * (RELATION * (direction @ index.relations.T) - UNASKED)


def found_so_far(tokens: torch.Tensor, seen: torch.Tensor, at: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """m of every token of the table over the prompt so far.

    Args:
        tokens: whitened tokens, (B, S, p), those that count first.
        seen: bool (B, S): those that count.
        at: int64 (B, Q), the last token that each position may see; Q = 1 takes the whole of what is seen.
        table: (u, p).

    Returns:
        float32 (B, Q, u).
    """
    near = (tokens * seen[..., None]) @ table.T
    if at.shape[1] == 1:
        return near.amax(dim=1, keepdim=True).clamp(0, 1)
    best = near.cummax(dim=1).values
    return best.gather(1, at[..., None].expand(-1, -1, best.shape[-1])).clamp(0, 1)


def weigh(
    tokens: torch.Tensor,
    relations: torch.Tensor,
    seen: torch.Tensor,
    at: torch.Tensor,
    index: KeyIndex,
    *,
    level: float | None = None,
) -> Meant:
    """What is meant, at every position asked for.

    Args:
        tokens: whitened tokens of all positions so far, float32 (B, S, p).
        relations: their relation keys, not centred, float32 (B, S, r).
        seen: bool (B, S): the positions that may be seen.
        at: int64 (B, Q): how many of them each position may see, less one; −1 for none. The last position sees most.
        index: the keys, on the tensors' device.
        level: what a score must reach to matter. With it the host looks once at which keys can reach it at any
            position, as S never falls from token to token, and weighs only those everywhere; scores below the level
            may then be −∞ at all positions but the last.
    """
    order = torch.argsort((~seen).int(), dim=1, stable=True)
    tokens, relations = (
        part.gather(1, order[..., None].expand(-1, -1, part.shape[-1])) for part in (tokens, relations)
    )
    seen = seen.gather(1, order)
    if level is None or at.shape[1] == 1:
        return _weigh(tokens, relations, seen, at, index)
    end = _weigh(tokens, relations, seen, at[:, -1:], index)
    found = found_so_far(tokens, seen, at[:, -1:], index.table).flatten(0, 1)
    highest = subject_evidence(found, index) + index.knowledge * (RELATION - UNASKED) - BIAS
    few = index.only((highest >= level - _SLACK).any(dim=0).nonzero()[:, 0])
    if few is None:
        below = end.scores.new_full((*at.shape, index.memories), -torch.inf)
        return Meant(torch.cat([below[:, 1:], end.scores], dim=1), end.best.expand(at.shape))
    everywhere = _weigh(tokens, relations, seen, at, few)
    return Meant(
        torch.cat([everywhere.scores[:, :-1], end.scores], dim=1), torch.cat([everywhere.best[:, :-1], end.best], dim=1)
    )


def _weigh(
    tokens: torch.Tensor, relations: torch.Tensor, seen: torch.Tensor, at: torch.Tensor, index: KeyIndex
) -> Meant:
    last = at.clamp(min=0)
    asked = relations.gather(1, last[..., None].expand(-1, -1, relations.shape[-1]))
    scores, best = [], []
    width = max(len(index.table) * tokens.shape[1], (len(index.starts) + len(index.memory)) * at.shape[1])
    step = max(1, _BUDGET // max(1, width))
    for first in range(0, tokens.shape[0], step):
        some = slice(first, first + step)
        found = found_so_far(tokens[some], seen[some], last[some], index.table).flatten(0, 1)
        strength = subject_evidence(found, index) + relation_evidence(asked[some].flatten(0, 1), index) - BIAS
        highest = strength.new_full((len(strength), index.memories), -torch.inf)
        highest = highest.scatter_reduce(1, index.memory.expand_as(strength), strength, "amax")
        shape = (*asked[some].shape[:2], index.memories)
        scores.append(highest.reshape(shape))
        best.append(index.edit[strength.argmax(dim=1)].reshape(shape[:2]))
    nothing = (at < 0)[..., None]
    return Meant(torch.cat(scores).masked_fill(nothing, -torch.inf), torch.cat(best))
