"""How strongly a prompt means an edit: which thing is meant, and what is asked of it.

With x_1 … x_T the whitened tokens of the prompt, k_i those of a way to spell the subject, w_i what they count for,
q the prompt's relation key and r the edit's, κ how much the model knows of such things, .15 at least:

    m_i = max_t max(0, ⟨k_i, x_t⟩)                       is token i of the subject anywhere in the prompt?
    c   = Σ w_i m_i / Σ w_i                              how much of the subject is there
    h   = Σ w_i m_i²                                     how much that says
    j   = 3 if the name goes on in front of the subject's first token in the prompt, or with another word behind its
          last; 1.5 if a preposition joins it to a name in front, or its last word goes on (an ending may do that);
          the sum of both sides, wherever the name goes on least
    S   = max over spellings of  −a·log(1 + δ − c) + b·h − j                              (which thing)
    R   = κ·(g·⟨q, r⟩ − f)                                                              (what is asked)
                                                       in a chat κ = 1, g and f are larger, S has an upper bound
    s   = S + R − s₀                                     an edit is meant where s ≥ 0; of several, the largest s

Everything is a maximum over the tokens so far, so that s at a position is that of the prompt that ends there. m is late
interaction (ColBERT, Khattab and Zaharia 2020) with tokens weighted by their rarity; a, b, f, g, s₀ are fitted once, on
edits that nothing is measured on (``python -m tests.benchmarks.fit_keys``), and are the same for every model and data
set. j was found on the same edits; what goes on in the edit's own prompt too costs nothing
(:mod:`wisedb.memory.gates.keys.name_boundaries`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch

from wisedb.memory.gates.keys.index import KeyIndex
from wisedb.memory.gates.keys.name_boundaries import longer_name_penalty

COVERAGE = 3.79
INFORMATION = 0.4
RELATION = 12.33
UNASKED = 11.15
BIAS = 11.91
CHAT_SUBJECT = 13.7
"""S of a question in a chat, at most: a subject that is there is no more there for having a long name, and the rest is
for what is asked to say."""
CHAT_RELATION = 15.2
CHAT_UNASKED = 9.4
"""g and f in a chat, where relation keys are not centred on the edits in force: a subject that is there is asked about
from ⟨q, r⟩ = .5 on, however many edits there are. Of the questions that ship with wisedb, their kinds left out by
turns, .90 of the other wordings were above that with SmolLM2-135M-Instruct, and .16 of the questions on another fact,
many of which are near (where somebody was born, where they died)."""
_FLOOR = 0.03
# Numbers a step at most, so that many edits and long prompts don't need much memory at once.
_BUDGET = 1 << 23
# What sums in another order may differ by.
_ROUNDING = 0.01


class EditScores(NamedTuple):
    """What the evidence says, at every position asked for.

    Attributes:
        scores: float32 (B, Q, n): of each memory, the largest s of its keys; −∞ without keys or without a token.
        best: int64 (B, Q): the edit with the largest s, counted over all memories.
    """

    scores: torch.Tensor
    best: torch.Tensor


class Prompts(NamedTuple):
    """What is known of some rows: as :func:`score_edits` takes it, what is seen first."""

    tokens: torch.Tensor
    relations: torch.Tensor
    flags: torch.Tensor
    seen: torch.Tensor
    chat: torch.Tensor | None


def subject_terms(found: torch.Tensor, index: KeyIndex) -> tuple[torch.Tensor, torch.Tensor]:
    """c and h of every reading, float32 (n, C) each, from ``found`` as in :func:`subject_score`."""
    both = torch.cat([found, found.square()]).T.contiguous()
    sums = torch.nn.functional.embedding_bag(
        index.token_rows, both, index.starts, mode="sum", per_sample_weights=index.weights.to(both.dtype)
    )
    there, says = torch.split(sums, len(found), dim=1)
    return there / index.totals[:, None], says


def lack(coverage: torch.Tensor) -> torch.Tensor:
    """log(1 + δ − c) of coverages c, any shape."""
    return torch.log((1 + _FLOOR - coverage).clamp(min=_FLOOR))


def subject_score(found: torch.Tensor, index: KeyIndex, penalty: torch.Tensor | None = None) -> torch.Tensor:
    """S of every key.

    Args:
        found: float32 (C, u), m: for each case, how well each token of the table was found, 0 to 1.
        index: the keys.
        penalty: float32 (C, n), j of every reading; None for an upper bound, as if no name went on.

    Returns:
        float32 (C, k).
    """
    coverage, says = subject_terms(found, index)
    strength = INFORMATION * says - COVERAGE * lack(coverage)
    if penalty is not None:
        strength = strength - penalty.T
    strength = torch.cat([strength, strength.new_full((1, len(found)), -torch.inf)])
    highest = strength[index.readings].amax(dim=1).T
    return torch.where(index.chat, highest.clamp(max=CHAT_SUBJECT), highest)


def relation_score(asked: torch.Tensor, index: KeyIndex, chat: torch.Tensor | None = None) -> torch.Tensor:
    """R of every key, float32 (C, k), from prompts' relation keys (C, r), not centred.

    Args:
        asked: the relation keys.
        index: the keys.
        chat: bool (C,): the cases that are questions in a chat, None for none. Keys of the other kind get −∞.
    """
    kind = torch.zeros(len(asked), dtype=torch.bool, device=asked.device) if chat is None else chat
    directions = torch.nn.functional.normalize(asked[:, None] - index.centre, dim=-1)
    if len(index.centre) == 2:
        alike = directions[torch.arange(len(asked)), kind.long()] @ index.relations.T
    else:
        every = directions @ index.relations.T
        alike = every.gather(1, index.group.expand(len(asked), 1, -1))[:, 0]
    asks, unasked = _relation_terms(index)
    score = index.knowledge * (asks * alike - unasked)
    return score.masked_fill(kind[:, None] != index.chat, -torch.inf)


def _relation_terms(index: KeyIndex) -> tuple[torch.Tensor, torch.Tensor]:
    """g and f of every key, (k,) each."""
    return torch.where(index.chat, CHAT_RELATION, RELATION), torch.where(index.chat, CHAT_UNASKED, UNASKED)


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


def score_edits(
    tokens: torch.Tensor,
    relations: torch.Tensor,
    flags: torch.Tensor,
    seen: torch.Tensor,
    at: torch.Tensor,
    index: KeyIndex,
    *,
    chat: torch.Tensor | None = None,
    threshold: float | None = None,
) -> EditScores:
    """What is meant, at every position asked for.

    Args:
        tokens: whitened tokens of all positions so far, float32 (B, S, p).
        relations: their relation keys, not centred, float32 (B, S, r).
        flags: what they show of names, uint8 (B, S).
        seen: bool (B, S): the positions that may be seen.
        at: int64 (B, Q): how many of them each position may see, less one; −1 for none. The last position sees most.
        index: the keys, on the tensors' device.
        chat: bool (B,): the rows that are questions in a chat, None for none.
        threshold: what a score must reach to matter. With it the host looks once at which keys can reach it at any
            position, as S without j never falls from token to token, and weighs only those everywhere; scores below
            the threshold may then be too high by j at the last position, and −∞ at all others.
    """
    order = torch.argsort((~seen).int(), dim=1, stable=True)
    tokens, relations = (
        part.gather(1, order[..., None].expand(-1, -1, part.shape[-1])) for part in (tokens, relations)
    )
    prompt = Prompts(tokens, relations, flags.gather(1, order), seen.gather(1, order), chat)
    if threshold is None:
        return _score_everywhere(prompt, at, index)
    last = at[:, -1:]
    subjects = torch.cat(
        [subject_score(_found(rows, at_, index), index) for rows, at_ in _some_rows(prompt, last, index)]
    )
    strength = subjects + _relations(prompt, last, index) - BIAS
    asks, unasked = _relation_terms(index)
    highest = strength if at.shape[1] == 1 else subjects + index.knowledge * (asks - unasked) - BIAS
    reach = highest >= threshold - _ROUNDING
    keys = reach.any(dim=0).nonzero()[:, 0]
    few = index.only(keys)
    if few is not None:
        penalty = _penalty(prompt, last, few)
        if bool(penalty.any()):
            # Row by row: what a row says must not depend on those beside it.
            exact = torch.where(reach[:, keys], _strength(prompt, last, few, penalty), strength[:, keys])
            strength = strength.index_copy(1, keys, exact)
    end = _of_memories(strength, last, index)
    if at.shape[1] == 1:
        return end
    if few is None:
        below = end.scores.new_full((*at.shape, index.memories), -torch.inf)
        return EditScores(torch.cat([below[:, 1:], end.scores], dim=1), end.best.expand(at.shape))
    everywhere = _score_everywhere(prompt, at, few)
    return EditScores(
        torch.cat([everywhere.scores[:, :-1], end.scores], dim=1), torch.cat([everywhere.best[:, :-1], end.best], dim=1)
    )


def named_edits(tokens: torch.Tensor, seen: torch.Tensor, index: KeyIndex, threshold: float) -> list[int | None]:
    """The edit whose subject stands most clearly in each of some stretches, so that it is meant if it is asked about.

    Args:
        tokens, seen: as in :func:`score_edits`, (C, S, …); C may be 0.
        index: the keys.
        threshold: what a score must reach to matter.

    Returns:
        the edit, counted over all memories' edits; None where no subject stands.
    """
    if not len(seen):
        return []
    last = seen.new_zeros(len(seen), 1, dtype=torch.int64)
    found = found_so_far(tokens, seen, last, index.table).flatten(0, 1)
    highest = subject_score(found, index) + (CHAT_RELATION - CHAT_UNASKED) - BIAS
    best, key = highest.masked_fill(~index.chat, -torch.inf).max(dim=1)
    edits = index.edit[key].tolist()
    return [edit if top >= threshold else None for edit, top in zip(edits, best.tolist(), strict=True)]


def _score_everywhere(prompt: Prompts, at: torch.Tensor, index: KeyIndex) -> EditScores:
    parts = [
        _of_memories(_strength(rows, at_, index, _penalty(rows, at_, index)), at_, index)
        for rows, at_ in _some_rows(prompt, at, index)
    ]
    return EditScores(torch.cat([part.scores for part in parts]), torch.cat([part.best for part in parts]))


def _some_rows(prompt: Prompts, at: torch.Tensor, index: KeyIndex) -> Iterator[tuple[Prompts, torch.Tensor]]:
    count, length = prompt.seen.shape
    width = max(len(index.table) * length, (len(index.starts) + len(index.memory)) * at.shape[1])
    step = max(1, _BUDGET // max(1, width))
    for first in range(0, count, step):
        some = slice(first, first + step)
        chat = None if prompt.chat is None else prompt.chat[some]
        yield (
            Prompts(prompt.tokens[some], prompt.relations[some], prompt.flags[some], prompt.seen[some], chat),
            at[some],
        )


def _strength(prompt: Prompts, at: torch.Tensor, index: KeyIndex, penalty: torch.Tensor) -> torch.Tensor:
    """s of every key, (B·Q, k)."""
    subjects = subject_score(_found(prompt, at, index), index, penalty)
    return subjects + _relations(prompt, at, index) - BIAS


def _found(prompt: Prompts, at: torch.Tensor, index: KeyIndex) -> torch.Tensor:
    """m of every token of the table, (B·Q, u)."""
    return found_so_far(prompt.tokens, prompt.seen, at.clamp(min=0), index.table).flatten(0, 1)


def _penalty(prompt: Prompts, at: torch.Tensor, index: KeyIndex) -> torch.Tensor:
    """j of every reading, (B·Q, n)."""
    return longer_name_penalty(prompt.tokens, prompt.seen, prompt.flags, at.clamp(min=0), index).flatten(0, 1)


def _relations(prompt: Prompts, at: torch.Tensor, index: KeyIndex) -> torch.Tensor:
    """R of every key at the positions, (B·Q, k)."""
    place = at.clamp(min=0)[..., None].expand(-1, -1, prompt.relations.shape[-1])
    chat = None if prompt.chat is None else prompt.chat.repeat_interleave(at.shape[1])
    return relation_score(prompt.relations.gather(1, place).flatten(0, 1), index, chat)


def _of_memories(strength: torch.Tensor, at: torch.Tensor, index: KeyIndex) -> EditScores:
    """What keys' scores (B·Q, k) say of their memories."""
    highest = strength.new_full((len(strength), index.memories), -torch.inf)
    highest = highest.scatter_reduce(1, index.memory.expand_as(strength), strength, "amax").reshape(*at.shape, -1)
    best = index.edit[strength.argmax(dim=1)].reshape(at.shape)
    return EditScores(highest.masked_fill((at < 0)[..., None], -torch.inf), best)
