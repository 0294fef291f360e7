"""The key router: which thing a prompt means and what it asks of it, and so which memory answers."""

from __future__ import annotations

import torch

from wisedb.errors import UsageError
from wisedb.memory.cache_state import attribute_for, joined, state_of
from wisedb.memory.forward_call import Call
from wisedb.memory.gates.decision import Decision, Scoping, begun
from wisedb.memory.gates.keys.glimpse import Glimpse
from wisedb.memory.gates.keys.index import KeyIndex
from wisedb.memory.gates.keys.name_boundaries import unfinished
from wisedb.memory.gates.keys.score import Meant, weigh
from wisedb.memory.slots import BASE

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

    def __init__(self, index: KeyIndex, level: float = 0.0) -> None:
        self.index = index
        self.level = level
        self._attribute = attribute_for("keys")

    def decide(self, call: Call, device: torch.device, scoping: Scoping) -> Decision:
        """Decide for one forward call, once for all modules; what was seen is left to be kept.

        Args:
            call: the call, with what its hooks kept.
            device: where the routes are wanted.
            scoping: which tokens may be seen.

        Returns:
            Routes as numbers of memories, and the log odds that the prompt means one of a memory's edits.

        Raises:
            UsageError: the projection was called outside of its model.
        """
        if call.embedded is None or call.states is None:
            raise UsageError(
                "keys can't be compared where the module is called without its model", hint="Call the model."
            )
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
            state = state_of(call.cache, self, self._attribute)
            before: list[Glimpse] = state.before(call.past, call.rows)
            scope = scoping(begun([part.seen for part in before]))
            glimpse = Glimpse(*now, scope.seen)
            call.kept.append(state.extended(call.past, glimpse, call.room))
            whole = joined([*before, glimpse])
            at = whole.seen.cumsum(dim=1)[:, -call.tokens :] - 1
            earlier = at.new_zeros(0)
            if not scope.single and before:
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
        return Decision(routes.expand(size), meant.scores.expand(*size, -1), meant.best.expand(size))


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
