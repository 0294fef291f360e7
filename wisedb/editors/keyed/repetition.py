"""Which edits a step of a lesson repeats: the hard ones often, the others at growing intervals."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import nsmallest
from random import Random

# Intervals double with each time that an edit is right in a row, up to so many rounds; one that is wrong comes again
# after half a round. A round is the time in which every edit could be seen once.
_LONGEST = 8.0
_AGAIN = 0.5
_JITTER = 0.3
# Right so many times in a row counts as learned.
_STREAK = 2
# Some answers no memory can bring about: a rare token that no hidden state makes the likeliest. Once this share of all
# is learned, an edit that is wrong so often from then on is no longer waited for.
_SHARE, _TRIES = 0.85, 8


class Agenda:
    """When each of ``count`` edits is due, in steps (spaced repetition).

    Args:
        count: how many edits.
        seats: how many of them a step takes.
        chooser: breaks ties.
        known: whether they were learned before, so that none is pressing.
    """

    def __init__(self, count: int, seats: int, chooser: Random, *, known: bool = False) -> None:
        self.seats = min(count, seats)
        self._chooser = chooser
        self._round = max(1.0, count / max(1, seats))
        spread = self._round if known else 1.0
        self._due = [chooser.random() * spread for _ in range(count)]
        self._streak = [_STREAK if known else 0] * count
        self._wrong = [0] * count

    def next(self) -> list[int]:
        """The edits that are most overdue."""
        if not self.seats:
            return []
        jitter = _JITTER * self._round
        order = [(due + jitter * self._chooser.random(), number) for number, due in enumerate(self._due)]
        return [number for _, number in nsmallest(self.seats, order)]

    def mark(self, number: int, now: int, *, right: bool) -> None:
        """One was seen at step ``now``."""
        if right:
            self._streak[number] += 1
            wait = min(2.0 ** self._streak[number], _LONGEST)
        else:
            self._streak[number] = 0
            self._wrong[number] += self._nearly()
            wait = _AGAIN
        self._due[number] = now + self._round * wait

    def press(self, numbers: Iterable[int], now: int) -> None:
        """These turned out to be wrong: they come at once."""
        for number in numbers:
            self._streak[number] = 0
            self._due[number] = now

    @property
    def learned(self) -> int:
        """How many were right the last times that they were seen."""
        return sum(streak >= _STREAK for streak in self._streak)

    def given_up(self, number: int) -> bool:
        """Whether one is still wrong after so many tries that it is not waited for."""
        return self._streak[number] < _STREAK and self._wrong[number] >= _TRIES

    def done(self) -> bool:
        """Whether each is learned or given up."""
        return self._nearly() and all(
            streak >= _STREAK or wrong >= _TRIES for streak, wrong in zip(self._streak, self._wrong, strict=True)
        )

    def _nearly(self) -> bool:
        return self.learned >= _SHARE * len(self._streak)
