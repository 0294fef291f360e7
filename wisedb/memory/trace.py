"""The routing decisions taken in a stretch of work, for explanations and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from wisedb.memory.gates.keys.replies import Meant
from wisedb.memory.slots import BASE

# Which router's score speaks for a memory, by its gate.
_DECIDES = {"keys": "keys", "both": "keys", "activation": "activation", "nearest": "nearest", "overlap": "overlap"}


class Trace(NamedTuple):
    """What was decided in one call.

    Attributes:
        routes: int64 (B,): the number of the memory that answers, or -1 for the base.
        scores: by the router's name, float32 (B, n), −∞ for memories that it isn't asked about.
        best: int64 (B,): the edit that is meant most, None without keys.
        meant: of each row the edits that are said in its reply, in a conversation.
    """

    routes: Tensor
    scores: Mapping[str, Tensor]
    best: Tensor | None = None
    meant: tuple[tuple[Meant, ...], ...] = ()

    @classmethod
    def joined(cls, traces: Sequence[Trace]) -> Trace:
        """Those of several modules as one: whichever answers, and the larger score."""
        routes, scores, best, meant = traces[0].routes, dict(traces[0].scores), traces[0].best, traces[0].meant
        for trace in traces[1:]:
            routes = torch.where(routes == BASE, trace.routes, routes)
            for name, values in trace.scores.items():
                scores[name] = torch.maximum(scores[name], values) if name in scores else values
            best = trace.best if best is None else best
            meant = tuple(one or other for one, other in zip(meant, trace.meant, strict=True))
        return cls(routes, scores, best, meant)


class TraceLog:
    """Decisions, one a sequence, in the order in which they were taken.

    A call of ``generate`` or a scoring forward decides once a row. A plain forward decides at every position: what is
    kept is the decision at its last one. Beams and returned sequences count once.

    Args:
        gates: the memories' gates.
        every: whether activations are to be measured too where others decide.
    """

    def __init__(self, gates: Sequence[str], *, every: bool = False) -> None:
        self.every = every
        self._gates = tuple(gates)
        self._routes = [torch.empty(0, dtype=torch.int64)]
        self._scores: dict[str, list[Tensor]] = {}
        self._best: list[Tensor] = []
        self._meant: list[tuple[Meant, ...]] = []
        self._facts: list[tuple[int, ...]] = []

    @property
    def routes(self) -> Tensor:
        """int64 (B,) on the CPU: the number of the memory that answered, or -1 for the base."""
        return torch.cat([part.cpu() for part in self._routes])

    @property
    def activations(self) -> Tensor:
        """What decided of each memory, float32 (B, n) on the CPU.

        Δ_act, the keys' log odds, or the radius less the distance.
        """
        scores = self.scores
        if not self._gates or not scores:
            return torch.empty(0, len(self._gates))
        # Nobody is asked where the only keys are none.
        nothing = torch.full((len(self.routes), len(self._gates)), -torch.inf)
        parts = [scores.get(_DECIDES[gate], nothing)[:, number] for number, gate in enumerate(self._gates)]
        return torch.stack(parts, dim=-1)

    @property
    def scores(self) -> dict[str, Tensor]:
        """What each router said, the one that decides first: float32 (B, n) on the CPU, −∞ where it wasn't asked."""
        return {name: torch.cat([part.cpu() for part in parts]) for name, parts in self._scores.items()}

    @property
    def best(self) -> Tensor | None:
        """The edit that the prompt means most, whether or not its memory answered, int64 (B,) on the CPU.

        Counted over the edits of all memories; None without keys.
        """
        return torch.cat([part.cpu() for part in self._best]) if self._best else None

    @property
    def meant(self) -> list[tuple[Meant, ...]]:
        """The edits that are said in each reply, in their order; none elsewhere than in a conversation."""
        return list(self._meant)

    @property
    def facts(self) -> list[tuple[int, ...]]:
        """The edits whose facts were put into each row's context; an empty list where none ever are."""
        return list(self._facts)

    def add_facts(self, facts: Sequence[tuple[int, ...]]) -> None:
        """The edits whose facts one more call put into the context, row by row."""
        self._facts += facts

    def add(self, trace: Trace) -> None:
        """One more call's decisions."""
        self._meant += trace.meant
        self._routes.append(trace.routes.detach())
        for name, values in trace.scores.items():
            self._scores.setdefault(name, []).append(values.detach())
        if trace.best is not None:
            self._best.append(trace.best.detach())
