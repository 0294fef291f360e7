"""What it costs an edit that the name in a prompt is longer than its subject.

"Holy Roman Empire" has all tokens of "Roman Empire", and yet another thing is meant. What is written beside the
subject's first and last token tells (:mod:`wisedb.memory.gates.keys.token_flags`), wherever in the
prompt it tells least.
"""

from __future__ import annotations

import torch

from wisedb.memory.gates.keys.index import KeyIndex
from wisedb.memory.gates.keys.token_flags import LINKED, SAME_NAME, SAME_WORD, join_before, join_behind

LONGER = 3.0
"""For another word in front or behind, or more of the word in front, in the units of the evidence (log odds)."""
ENDING = 1.5
"""For more of the word behind: it may be no more than an ending."""
PART = 1.5
"""For a name in front of which it is a part of ("Kingdom of Syria"): "the President of Syria" asks of Syria too."""
# A token of the prompt that is so like one of the subject stands for it.
_STANDS = 0.8


def longer_name_penalty(
    tokens: torch.Tensor, seen: torch.Tensor, flags: torch.Tensor, at: torch.Tensor, index: KeyIndex
) -> torch.Tensor:
    """j of every reading over the prompt so far; those that count first.

    Args:
        tokens: whitened tokens of all positions so far, float32 (B, S, p).
        seen: bool (B, S): the positions that may be seen.
        flags: what they show of names, uint8 (B, S).
        at: int64 (B, Q): how many of them each position may see, less one.
        index: the keys, on the tensors' device.

    Returns:
        float32 (B, Q, n).
    """
    shown = flags * seen
    follows = join_before(shown)
    followed, spaced = join_behind(shown, follows)
    before = _any(follows, SAME_WORD, SAME_NAME) * LONGER + (follows == LINKED) * PART
    behind = (followed == SAME_WORD) * ENDING + (followed == SAME_NAME) * LONGER
    stands = (tokens * seen[..., None]) @ index.table.T >= _STANDS
    first = torch.where(stands, before[..., None], torch.inf)
    last = torch.where(stands, behind[..., None], torch.inf)
    if at.shape[1] == 1:
        first, last = (part.amin(dim=1, keepdim=True) for part in (first, last))
    else:
        place = at[..., None].expand(-1, -1, first.shape[-1])
        # What stands at the position itself has nothing behind it yet, and behind a space nothing is known either.
        nothing = torch.full_like(last[:, :2], torch.inf)
        one_before = torch.where(spaced[..., None] & stands, 0.0, last)
        earlier = torch.minimum(
            torch.cat([nothing[:, :1], one_before[:, :-1]], dim=1),
            torch.cat([nothing, last.cummin(dim=1).values[:, :-2]], dim=1)[:, : last.shape[1]],
        )
        last = torch.where(stands, 0.0, earlier).gather(1, place)
        first = first.cummin(dim=1).values.gather(1, place)
    sides = (side[..., index.ends[:, number]] for number, side in enumerate((first, last)))
    one, other = (
        torch.where(torch.isinf(side) | ~index.whole[:, number], 0.0, side) for number, side in enumerate(sides)
    )
    return one + other


def name_goes_on(flags: torch.Tensor, seen: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """Whether the word or the name at a position goes on behind it.

    Args:
        flags: what the positions so far show of names, uint8 (B, S).
        seen: bool (B, S): the positions that may be seen.
        at: int64 (B, Q): how many of them each position may see, less one; -1 where it may see none.

    Returns:
        bool (B, Q).
    """
    order = torch.argsort((~seen).int(), dim=1, stable=True)
    shown = (flags * seen).gather(1, order)
    followed, _ = join_behind(shown, join_before(shown))
    return _any(followed.gather(1, at.clamp(min=0)), SAME_WORD, SAME_NAME) & (at >= 0)


def _any(follows: torch.Tensor, *kinds: int) -> torch.Tensor:
    return torch.stack([follows == kind for kind in kinds]).any(dim=0)
