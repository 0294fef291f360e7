"""Who answers a prompt: the seam at which one way to decide can be put in the place of another.

The activation router (WISE §2.3.1) asks how strongly each memory's ΔW is excited; the key router asks which thing a
prompt means and what it asks of it (:mod:`wisedb.memory.gates.keys.score`); both together let a memory answer only
where the keys name it and its activation reaches ε. All are honest in the same way: each sequence decides for itself,
on its prompt, and at a position on the tokens up to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, Protocol, get_args

import torch

from wisedb.errors import UsageError
from wisedb.memory.bank import Bank
from wisedb.memory.cache_state import trail_of
from wisedb.memory.forward_call import Call
from wisedb.memory.gates.activation import Tally, level
from wisedb.memory.gates.activation_cache import Stretch, hidden_trail_of
from wisedb.memory.gates.keys.cache import Glimpse, key_trail_of
from wisedb.memory.gates.keys.index import KeyIndex
from wisedb.memory.gates.keys.name_boundaries import unfinished
from wisedb.memory.gates.keys.score import Meant, weigh
from wisedb.memory.routing import BASE, Scope, decide

RouterName = Literal["activation", "keys", "both"]
"""The ways to decide."""

ROUTERS: tuple[RouterName, ...] = get_args(RouterName)

Scoping = Callable[[torch.Tensor | None], Scope]
"""Which tokens the decision may see, given of which rows (bool (B,)) earlier calls saw a prompt."""


class Decision(NamedTuple):
    """What was decided, at every position.

    Attributes:
        routes: int64 (B, T): the number of the memory, or :data:`BASE`.
        scores: by the router's name, float32 (B, T, n): what it says of every memory.
        best: int64 (B, T): the edit that is meant most, counted over all memories' edits; None without keys.
        added: (B, T, d_model): A(x)·ΔW of the memory that answers, where that came about on the way.
    """

    routes: torch.Tensor
    scores: Mapping[str, torch.Tensor]
    best: torch.Tensor | None = None
    added: torch.Tensor | None = None


class Router(Protocol):
    """Decides who answers."""

    @property
    def name(self) -> RouterName:
        """Its name."""

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The score from which on each memory may answer."""

    def decide(self, call: Call, hidden: torch.Tensor, scoping: Scoping) -> Decision:
        """Decide for one forward call; what was seen is put among the call's trails.

        Args:
            call: the call, with what its hooks kept.
            hidden: A(x), (B, T, d_ff).
            scoping: which tokens may be seen.
        """


class ActivationRouter:
    """WISE-Retrieve: the largest Δ_act that reaches its memory's ε.

    Args:
        bank: the memories.
    """

    name: RouterName = "activation"

    def __init__(self, bank: Bank) -> None:
        self.bank = bank

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Each memory's ε."""
        return tuple(memory.threshold for memory in self.bank.memories)

    def decide(self, call: Call, hidden: torch.Tensor, scoping: Scoping) -> Decision:
        """See :class:`Router`."""
        trail = trail_of(call.cache, self.bank)
        before = trail.before(call.past, call.rows)
        routed = decide(hidden, self.bank, scoping(None if before is None else before.counts > 0), before)
        call.trails.append(trail.extended(call.past, routed.seen))
        return Decision(routed.routes, {self.name: routed.activations}, added=routed.added)


LINGERS = 32
"""Tokens for which what was meant still counts, where nobody says where the prompt ends."""


class KeyRouter:
    """The memory of the edit that is meant most, if its score reaches ``level``.

    What a prompt asks shows in its last token, and no longer in the answer behind it. So that a plain forward over
    both gives the answer the likelihood that ``generate`` gives it, a position decides on the best score of the last
    :data:`LINGERS` ones where the prompt's end isn't known.

    Args:
        index: the keys of all memories.
        level: 0 is where the fitted evidence says that an edit is meant; more is stricter.
    """

    name: RouterName = "keys"

    def __init__(self, index: KeyIndex, level: float = 0.0) -> None:
        self.index = index
        self.level = level

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The same for all memories."""
        return (self.level,) * self.index.memories

    def decide(self, call: Call, hidden: torch.Tensor, scoping: Scoping) -> Decision:
        """See :class:`Router`.

        Raises:
            UsageError: the projection was called outside of its model.
        """
        if call.embedded is None or call.states is None:
            raise UsageError(
                "keys can't be compared where the projection is called without its model",
                hint="Call the model, or attach the memories with router='activation'.",
            )
        device = hidden.device
        # Dense arithmetic in float32, also where the model computes in halves: scores are compared to a threshold.
        with torch.no_grad(), torch.autocast(device.type, enabled=False):
            self.index = self.index.to(device)
            statistics = self.index.statistics
            shape = (call.rows, call.tokens, -1)
            embedded = call.embedded.reshape(shape)
            now = (
                statistics.tokens(embedded).to(device),
                statistics.relations(call.states.reshape(shape)).to(device),
                statistics.marks_of(call.ids, embedded).to(device),
            )
            trail = key_trail_of(call.cache, self.index)
            before = trail.before(call.past, call.rows)
            scope = scoping(None if before is None else before.seen.any(dim=1))
            glimpse = Glimpse(*now, scope.seen)
            call.trails.append(trail.extended(call.past, glimpse, call.room))
            whole = glimpse if before is None else before.followed_by(glimpse)
            at = whole.seen.cumsum(dim=1)[:, -call.tokens :] - 1
            earlier = at.new_zeros(0)
            if not scope.single and before is not None:
                earlier = (at[:, :1] + torch.arange(1 - LINGERS, 0, device=device)).clamp(min=-1)
                earlier = torch.where(scope.held[:, None], -1, earlier)
            at = torch.where(scope.held[:, None], at[:, -1:], at)
            # The host may look where that costs nothing: most keys can't be meant by anything in the prompt.
            look = device.type == "cpu" and not torch.compiler.is_compiling()
            level = self.level if look else None
            if scope.single:
                meant = weigh(*whole, at[:, -1:], self.index, level=level)
            else:
                asked = torch.cat([earlier, at], dim=1) if earlier.numel() else at
                meant = weigh(*whole, asked, self.index, level=level)
                meant = _lingering(meant, unfinished(whole.marks, whole.seen, asked), call.tokens, self.level)
            top, number = meant.scores.max(dim=-1)
            routes = torch.where(top >= self.level, number, BASE)
        size = (call.rows, call.tokens)
        return Decision(routes.expand(size), {self.name: meant.scores.expand(*size, -1)}, meant.best.expand(size))


def _lingering(meant: Meant, midway: torch.Tensor, tokens: int, level: float) -> Meant:
    """At each of the last ``tokens`` positions, the best of it and of those before it that reached the level.

    What was meant midway in a name, bool (B, Q), is forgotten once the name goes on.
    """
    reached = meant.scores.masked_fill((meant.scores < level) | midway[..., None], -torch.inf)
    reached = torch.nn.functional.pad(reached, (0, 0, LINGERS - 1, 0), value=-torch.inf).unfold(1, LINGERS, 1)
    top, place = reached.amax(dim=2).max(dim=-1)
    own = meant.scores.amax(dim=-1)
    place = torch.arange(meant.best.shape[1], device=place.device) + place - (LINGERS - 1)
    best = torch.where(top > own, meant.best.gather(1, place.clamp(min=0)), meant.best)
    scores = torch.maximum(meant.scores, reached.amax(dim=-1))
    return Meant(scores[:, -tokens:], best[:, -tokens:])


class BothRouters:
    """The keys' choice, where that memory's activation reaches ε too.

    Only memories that the keys name are measured where the host may look and nobody records.

    Args:
        activation: the one.
        keys: the other.
    """

    name: RouterName = "both"

    def __init__(self, activation: ActivationRouter, keys: KeyRouter) -> None:
        self.activation = activation
        self.keys = keys

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Those of the keys."""
        return self.keys.thresholds

    def decide(self, call: Call, hidden: torch.Tensor, scoping: Scoping) -> Decision:
        """See :class:`Router`."""
        bank = self.activation.bank
        meant = self.keys.decide(call, hidden, scoping)
        bank.place(hidden.device, hidden.dtype)
        trail = hidden_trail_of(call.cache, bank)
        counts = trail.counts(call.past, call.rows)
        scope = scoping(None if counts is None else counts > 0)
        now = Stretch(hidden.detach(), scope.seen)
        call.trails.append(trail.extended(call.past, now, call.room))

        def excited(memory: int) -> torch.Tensor:
            before = trail.sums(memory, call.past, call.rows)
            sums = now.sums(memory, bank)[..., None]
            if before is not None and counts is not None:
                sums = sums + before[:, None, None]
            seen = now.counts if counts is None else now.counts + counts[:, None]
            levels = level(Tally(sums, seen))[..., 0]
            return torch.where(scope.held[:, None], levels[:, -1:], levels)

        if call.look and not call.watched:
            routes = meant.routes
            for memory in torch.unique(meant.routes).tolist():
                if memory != BASE:
                    too_little = (meant.routes == memory) & (excited(memory) < bank.thresholds[memory])
                    routes = torch.where(too_little, BASE, routes)
            return Decision(routes, meant.scores, meant.best)
        every = torch.stack([excited(memory) for memory in range(len(bank))], dim=-1)
        agreed = (every >= bank.thresholds).gather(-1, meant.routes.clamp(min=0)[..., None])[..., 0]
        routes = torch.where(agreed, meant.routes, BASE)
        return Decision(routes, {**meant.scores, "activation": every}, meant.best)
