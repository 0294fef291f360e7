"""Which tokens of a model are taken for one: those whose whitened embeddings point the same way."""

from __future__ import annotations

from collections.abc import Callable

import torch

from wisedb.memory.gates.keys.statistics import Statistics

SIMILAR = 0.7
"""The cosine from which on two whitened tokens are taken for one, where documents are counted."""

# Products of this many rows and columns stay in the processor's own memory.
_ROWS, _COLUMNS = 256, 2048
# Pairs this near to the bound are computed again in float64, so that it doesn't matter beside which others they stand.
_MARGIN = 1e-4


class SimilarTokens:
    """Whitened tokens and the pairs of them that are alike; what was found once is kept.

    Commits differ in few tokens, and the search takes the square of their number.

    Args:
        statistics: the base model's.
        embed: the model's embedding module: int64 (u,) → (u, d).
    """

    def __init__(self, statistics: Statistics, embed: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self.statistics = statistics
        self._embed = embed
        self._tokens = torch.empty(0, dtype=torch.int64)
        self._vectors = torch.empty(0, statistics.token_map.shape[1])
        self._pairs = torch.empty(2, 0, dtype=torch.int64)

    @property
    def count(self) -> int:
        """How many tokens are known."""
        return len(self._tokens)

    @property
    def size(self) -> int:
        """Bytes of what is known."""
        return sum(part.numel() * part.element_size() for part in (self._tokens, self._vectors, self._pairs))

    def vectors(self, table: torch.Tensor) -> torch.Tensor:
        """float32 (u, p): whitened tokens of length 1.

        Args:
            table: int64 (u,), token ids, rising.
        """
        self._learn(table)
        return self._vectors[torch.searchsorted(self._tokens, table)]

    def pairs(self, table: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows of the table that are alike, each with itself and both ways round, int64 (m,) each; the first rises."""
        self._learn(table)
        rows = torch.full((len(self._tokens),), -1)
        rows[torch.searchsorted(self._tokens, table)] = torch.arange(len(table))
        one, other = rows[torch.searchsorted(self._tokens, self._pairs)]
        inside = (one >= 0) & (other >= 0)
        coded = (one * len(table) + other)[inside].sort().values
        return coded // len(table), coded % len(table)

    def _learn(self, table: torch.Tensor) -> None:
        new = table[~torch.isin(table, self._tokens)]
        if not len(new):
            return
        fresh = self.statistics.tokens(self._embed(new).detach().float().cpu().reshape(len(new), -1))
        pairs = [self._pairs]
        for columns, vectors, same in ((new, fresh, True), (self._tokens, self._vectors, False)):
            one, other = _similar_pairs(fresh, vectors, same)
            found = torch.stack([new[one], columns[other]])
            apart = found[:, found[0] != found[1]]
            pairs += [found, apart.flip(0)]
        self._pairs = torch.cat(pairs, dim=1)
        tokens = torch.cat([self._tokens, new])
        order = tokens.argsort()
        self._tokens, self._vectors = tokens[order], torch.cat([self._vectors, fresh])[order]


def _similar_pairs(rows: torch.Tensor, columns: torch.Tensor, same: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Pairs (row, column) of alike vectors, int64 (m,) each; of ``same`` vectors, those on and above the diagonal."""
    found = [torch.empty(0, 2, dtype=torch.int64)]
    for top in range(0, len(rows), _ROWS):
        some = rows[top : top + _ROWS]
        for left in range(top if same else 0, len(columns), _COLUMNS):
            cosines = some @ columns[left : left + _COLUMNS].T
            likely = (cosines.amax(dim=1) > SIMILAR - _MARGIN).nonzero()[:, 0]
            place = (cosines[likely] > SIMILAR - _MARGIN).nonzero()
            found.append(torch.stack([likely[place[:, 0]] + top, place[:, 1] + left], dim=1))
    one, other = torch.cat(found).unbind(dim=1)
    cosines = (rows[one].double() * columns[other].double()).sum(dim=1)
    kept = (cosines > SIMILAR) & ((other >= one) | (not same))
    return one[kept], other[kept]
