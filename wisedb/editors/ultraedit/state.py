"""What UltraEdit keeps of all features that it saw, as ranks of ΔW that add nothing.

The running mean and variance are part of the fold: the next batch is normalised by them. A low-rank delta holds two
factors and nothing else; so they stand in its first ranks, each in the one factor while the other is zero there.
Deviations and the inverse of the count are kept, in the place of sums that grow: beside a model in halves the factors
are placed in halves, and no number may become infinite there.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wisedb.editors.ultraedit.moments import Moments
from wisedb.memory.kinds.additive import FactoredDelta

RANKS = 5
"""Mean and deviation of keys, of gradients, and the count."""


def packed(moments: Moments, d_ff: int) -> FactoredDelta:
    """Moments of keys and gradients side by side as factors whose product is zero, float32.

    Args:
        moments: of rows of d_ff + d_model features.
        d_ff: how many of them are the key's.
    """
    deviation = (moments.spread / max(moments.count, 1)).sqrt().float()
    mean = moments.mean.float()
    left = torch.zeros(d_ff, RANKS, device=mean.device)
    right = torch.zeros(RANKS, len(mean) - d_ff, device=mean.device)
    left[:, 0], right[1] = mean[:d_ff], mean[d_ff:]
    left[:, 2], right[3] = deviation[:d_ff], deviation[d_ff:]
    right[4, 0] = 1 / moments.count if moments.count else 0.0
    return FactoredDelta(left, right)


def unpacked(held: FactoredDelta) -> Moments:
    """The moments in the first ranks of ΔW; of no rows, where there are none."""
    left, right = held.left[:, :RANKS].double(), held.right[:RANKS].double()
    if held.rank < RANKS or not bool(right[4, 0]):
        return Moments.none(len(left) + right.shape[1], left.device)
    count = round(1 / float(right[4, 0]))
    deviation: Tensor = torch.cat([left[:, 2], right[3]])
    return Moments(count, torch.cat([left[:, 0], right[1]]), deviation.square() * count)
