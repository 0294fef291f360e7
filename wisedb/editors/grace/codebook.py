"""The codebook of GRACE (Hartvigsen et al. 2023, §3): keys with radii, and the values that answer inside them.

The layer h' = f(h) is one projection here: a key lives in the space of its input A(x), a value in that of its output.
With the nearest key i of a query h, d = ‖h − k_i‖₂:

- d ≤ ε_i: v_i REPLACES the projection's output (it isn't added to it);
- else the layer's own output stands, to the bit: GRACE defers.

A codebook is a fold over its edits in their order, and keeps every edit's key and value, also where another entry
answers for it. So it can be folded anew without one of them, and is then as if that edit had never been.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from wisedb.errors import CorruptObject, UsageError
from wisedb.memory.kinds import codebook

# Of the half distance, so that the two balls of a split don't touch.
_APART = 1e-5
_HINT = "Run `wisedb fsck`."


@dataclass(frozen=True, slots=True, eq=False)
class GraceCodebook:
    """One row an edit, in the order in which they came; n rows.

    Attributes:
        initial: ε_init, the radius of a new entry, in units of the keys.
        keys: float32 (n, d_ff).
        values: float32 (n, d_model).
        radii: float32 (n,), ε; that of a row for which another answers says nothing.
        owners: int64 (n,), the row that answers for each row: itself, or an earlier one with the same label.
        labels: what each edit says.
        edits: the edits' ids, each once.

    Raises:
        CorruptObject: parts that don't belong together, or a value that is not finite.
    """

    initial: float
    keys: Tensor
    values: Tensor
    radii: Tensor
    owners: Tensor
    labels: tuple[str, ...] = ()
    edits: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        rows = len(self.edits)
        shaped = self.keys.ndim == self.values.ndim == 2 and self.radii.shape == self.owners.shape == (rows,)
        whole = shaped and len(self.keys) == len(self.values) == len(self.labels) == len(set(self.edits)) == rows
        parts = (self.keys, self.values, self.radii)
        typed = all(part.dtype == torch.float32 for part in parts) and self.owners.dtype == torch.int64
        if not whole or not typed or not math.isfinite(self.initial) or self.initial <= 0:
            raise CorruptObject("the parts of a codebook don't belong together", hint=_HINT)
        if not all(bool(torch.isfinite(part).all()) for part in parts):
            raise CorruptObject("a codebook holds a value that is not a finite number", hint=_HINT)
        numbers = torch.arange(rows, device=self.owners.device)
        known = (self.owners >= 0) & (self.owners <= numbers)
        if not bool(known.all()) or not bool((self.owners[self.owners] == self.owners).all()):
            raise CorruptObject("a row of a codebook names an owner that is none", hint=_HINT)

    @classmethod
    def empty(cls, d_ff: int, d_model: int, initial: float) -> GraceCodebook:
        """A codebook without entries.

        Args:
            d_ff: the width of a key.
            d_model: the width of a value.
            initial: ε_init, see :func:`initial_radius`.
        """
        none = torch.zeros(0)
        return cls(initial, torch.zeros(0, d_ff), torch.zeros(0, d_model), none, none.long())

    def __len__(self) -> int:
        """How many edits it holds."""
        return len(self.edits)

    def add(self, key: Tensor, value: Tensor, label: str, edit: str) -> GraceCodebook:
        """The codebook with one edit more (Alg. 1 of the paper); this one stays as it is.

        With the nearest entry i at distance d:

        - none, or d > ε_init + ε_i: a new entry with ε_init;
        - the same label: ε_i becomes max(ε_i, d), and i answers for this edit too;
        - another label: a new entry with d/2, and ε_i falls to just below d/2. No radius grows here: d/2 counts only
          where it is less than what the radius is, or than ε_init for the new one.

        Args:
            key: (d_ff,).
            value: (d_model,).
            label: what is said; two edits that say the same may share an entry.
            edit: its id.

        Raises:
            UsageError: shapes that don't fit, or an edit that is there already.
        """
        if edit in self.edits or key.shape != self.keys.shape[1:] or value.shape != self.values.shape[1:]:
            raise UsageError(
                f"edit {edit[:12]} can't be added to the codebook",
                hint="Give each edit once, with a key and a value of the codebook's widths.",
            )
        key, value = key.detach().to(self.keys), value.detach().to(self.values)
        nearest, distance = self._nearest(key[None])
        i, d = int(nearest), float(distance)
        radii, owner, radius = self.radii.clone(), len(self), self.initial
        if d <= self.initial + (float(radii[i]) if len(self) else 0.0):
            if self.labels[i] == label:
                radii[i] = torch.maximum(radii[i], distance[0])
                owner, radius = i, 0.0
            else:
                radii[i] = min(float(radii[i]), d / 2 * (1 - _APART))
                radius = min(self.initial, d / 2)
        return GraceCodebook(
            self.initial,
            torch.cat([self.keys, key[None]]),
            torch.cat([self.values, value[None]]),
            torch.cat([radii, radii.new_tensor([radius])]),
            torch.cat([self.owners, self.owners.new_tensor([owner])]),
            (*self.labels, label),
            (*self.edits, edit),
        )

    def without(self, edits: Collection[str]) -> GraceCodebook:
        """The codebook that would be if some edits had never been added: folded anew over the others.

        Raises:
            UsageError: an edit that it doesn't hold.
        """
        if unknown := set(edits) - set(self.edits):
            raise UsageError(f"the codebook holds no edit {min(unknown)[:12]}", hint="See `wisedb log`.")
        book = GraceCodebook.empty(self.keys.shape[1], self.values.shape[1], self.initial)
        for row, edit in enumerate(self.edits):
            if edit not in edits:
                book = book.add(self.keys[row], self.values[row], self.labels[row], edit)
        return book

    def change(self, module: str) -> codebook.Codebook:
        """As a kind of memory, which answers in a forward pass."""
        return codebook.Codebook(module, self.keys, self.values, self.radii, self.owners)

    @classmethod
    def of(
        cls, change: codebook.Codebook, labels: Sequence[str], edits: Sequence[str], initial: float
    ) -> GraceCodebook:
        """What :meth:`change` gave.

        Args:
            change: the memory.
            labels: what each of its edits says, in its order.
            edits: their ids.
            initial: ε_init.

        Raises:
            CorruptObject: the codebook holds other edits.
        """
        return cls(initial, change.keys, change.values, change.radii, change.owners, tuple(labels), tuple(edits))

    def _nearest(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        """(rows (m,), distances float32 (m,)) of the entries nearest to queries (m, d_ff)."""
        if not len(self):
            nowhere = torch.full((len(queries),), -1, dtype=torch.int64, device=queries.device)
            return nowhere, torch.full((len(queries),), torch.inf, device=queries.device)
        # By differences and not by products: near a key those would cancel, and what is near is what counts.
        keys, owners = self.keys.to(queries.device), self.owners.to(queries.device)
        distances = torch.cdist(queries.float(), keys, compute_mode="donot_use_mm_for_euclid_dist")
        silent = owners != torch.arange(len(self), device=queries.device)
        distance, index = distances.masked_fill(silent, torch.inf).min(dim=1)
        return index, distance


def initial_radius(keys: Tensor, share: float) -> float:
    """ε_init: ``share`` of the median distance from a key (n, d_ff) to the nearest other one.

    The paper sets ε_init by hand for each model (1 for GPT-2 XL, 3 for T5). Keys of unrelated prompts say on what
    scale two prompts differ in this model.

    Raises:
        UsageError: fewer than two different keys.
    """
    distances = torch.cdist(keys.float(), keys.float(), compute_mode="donot_use_mm_for_euclid_dist")
    distances.fill_diagonal_(torch.inf)
    nearest = distances.amin(dim=1) if len(keys) else distances.new_zeros(0)
    known = nearest[torch.isfinite(nearest) & (nearest > 0)]
    if not len(known):
        raise UsageError("a radius needs two unrelated prompts", hint="Let `wisedb init` write a pool, or give one.")
    return share * float(known.median())
