"""The routing decisions taken in a stretch of work, for explanations and figures."""

from __future__ import annotations

from collections.abc import Mapping

import torch


class Record:
    """Decisions, one a sequence, in the order in which they were taken.

    A call of ``generate`` or a scoring forward decides once a row. A plain forward decides at every position: what is
    kept is the decision at its last one. Beams and returned sequences count once.
    """

    def __init__(self, memories: int, *, every: bool = False) -> None:
        self.every = every
        """Whether routers that don't decide are to be asked too."""
        self._memories = memories
        self._routes = [torch.empty(0, dtype=torch.int64)]
        self._scores: dict[str, list[torch.Tensor]] = {}
        self._best: list[torch.Tensor] = []

    @property
    def routes(self) -> torch.Tensor:
        """int64 (B,) on the CPU: the number of the memory that answered, or -1 for the base."""
        return torch.cat([part.cpu() for part in self._routes])

    @property
    def activations(self) -> torch.Tensor:
        """float32 (B, n) on the CPU: what decided, Δ_act of every memory or the keys' score."""
        return self.scores.get(next(iter(self._scores), ""), torch.empty(0, self._memories))

    @property
    def scores(self) -> dict[str, torch.Tensor]:
        """What each router said, the one that decides first: float32 (B, n) on the CPU."""
        return {name: torch.cat([part.cpu() for part in parts]) for name, parts in self._scores.items()}

    @property
    def best(self) -> torch.Tensor | None:
        """int64 (B,) on the CPU: the edit that the prompt means most, whether or not its memory answered, counted over
        the edits of all memories; None without keys."""
        return torch.cat([part.cpu() for part in self._best]) if self._best else None

    def add(self, routes: torch.Tensor, scores: Mapping[str, torch.Tensor], best: torch.Tensor | None = None) -> None:
        """One more call's decisions: int64 (B,), float32 (B, n) by router, int64 (B,)."""
        self._routes.append(routes.detach())
        for name, values in scores.items():
            self._scores.setdefault(name, []).append(values.detach())
        if best is not None:
            self._best.append(best.detach())
