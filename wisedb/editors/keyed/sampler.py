"""What a lesson's steps are taken from: its edits and earlier ones, as they are due and as a step has room for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from random import Random

import torch
from torch import Tensor

from wisedb.editors.keyed.augment import views
from wisedb.editors.keyed.batches import Batch, Row, Rows, collate
from wisedb.editors.keyed.context import PreparedModel
from wisedb.editors.keyed.dataset import Pick, Sheet, together
from wisedb.editors.keyed.negatives import Quiet
from wisedb.editors.keyed.paraphrases import wordings
from wisedb.editors.keyed.repetition import Agenda
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.editors.keyed.sharding import places
from wisedb.editors.streams import StreamItem
from wisedb.edits import Edit

FEW = 8
"""A lesson of so few edits borrows no wordings: in the steps that it has it would learn them at the cost of its own."""

# Earlier edits that a lesson rehearses, at most, unless it repairs.
_REHEARSED = 128
# Each time that a shard has grown by so many edits, the next lesson rehearses all of it, and repairs what was lost.
_WHOLE = 8


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What one step works on: rows of the lesson's edits, then of earlier ones, then prompts to keep.

    Attributes:
        fresh, known: the edits whose views they are.
        batch: all of them.
    """

    fresh: Sequence[Pick]
    known: Sequence[Pick]
    batch: Batch


class Course:
    """What a lesson's steps are taken from.

    Args:
        base: the prepared base model.
        config: how.
        lesson: the edits to learn.
        earlier: those to rehearse.
        rows: the pool's rows.
        chooser: where every random choice comes from.
        crowded: whether one shard is to hold what several held. What it holds it then carries over to fewer other
            wordings, so that an edit borrows twice as many; and these take the place of prompts with words left out,
            which cost as much room and are what hardly anyone asks.

    Attributes:
        fresh: the lesson's edits.
        known: earlier ones.
        agenda, rehearsal: when each of them is due.
        quiet: what must not wake the shard.
        lost: earlier edits that were not said when the lesson began.
    """

    def __init__(
        self,
        base: PreparedModel,
        config: KeyedSettings,
        lesson: Sequence[StreamItem],
        earlier: Sequence[Edit],
        rows: Rows,
        chooser: Random,
        *,
        crowded: bool = False,
    ) -> None:
        self._chooser = chooser
        contexts = base.pool.contexts[: config.contexts]
        seats = min(config.rehearsal, len(earlier), config.batch - 1)

        def view(
            edit: Edit, contexts: Sequence[str], variations: int, borrowed: Sequence[str] = ()
        ) -> tuple[tuple[str, ...], str]:
            found = views(edit, contexts, variations, Random(chooser.random()))
            more = edit.rephrases if config.train_rephrases else ()
            return tuple(dict.fromkeys((*found, *borrowed, *more))), edit.target

        # An earlier edit is repeated bare and in one other way.
        one = [chooser.sample(contexts, min(1, len(contexts))) for _ in earlier]
        taught = [item.edit for item in lesson]
        count = 2 * config.wordings if crowded else config.wordings if len(lesson) > FEW else 0
        borrowed = _borrowed(base, config, taught, earlier, count)
        shorter = [max(0, config.variations - len(some)) if crowded else config.variations for some in borrowed]
        fresh = [view(edit, contexts, fewer, some) for edit, fewer, some in zip(taught, shorter, borrowed, strict=True)]
        self.fresh = Sheet(base, fresh, end=config.end)
        known = [view(edit, some, 0) for edit, some in zip(earlier, one, strict=True)]
        self.known = Sheet(base, known, end=config.end, kept=base.kept)
        self.agenda = Agenda(len(lesson), config.batch - seats, chooser)
        self.rehearsal = Agenda(len(earlier), seats, chooser, known=True)
        self._room, self._again = config.batch - seats, seats
        self._seats = sum(self.fresh.seats(number) for number in range(len(self.fresh)))
        self.quiet = Quiet(rows, lesson, config, chooser)
        self.lost: set[int] = set()

    @property
    def long(self) -> bool:
        """Whether the lesson's answers are passages: they take two seats each, on average.

        Hardly any passage is said whole before each of its rare tokens is, so that such a lesson would always be taken
        anew; and in a trial the steps of a second schedule undid more of what was nearly right than they added.
        """
        return self._seats >= 2 * len(self.fresh)

    def steps(self, passes: int) -> int:
        """Steps in which every edit is seen so often: long answers take several seats each."""
        return ceil(passes * self._seats / min(self._seats, self._room))

    def next(self) -> Step:
        """The next step's edits: those that are due, in as many views as there is room for."""
        numbers = self.agenda.next()
        each = max(1, self._room // sum(self.fresh.seats(number) for number in numbers))
        known = [(number, self._view(self.known, number)) for number in self.rehearsal.next()]
        fresh: list[Pick] = []
        for number in numbers:
            others = range(1, self.fresh.views(number))
            if each == 1:
                fresh.append((number, self._view(self.fresh, number)))
            else:
                fresh += [(number, view) for view in (0, *self._chooser.sample(others, min(each - 1, len(others))))]
        some, again = together(self.fresh, fresh, self._room, self.known, known, self._again)
        return Step(some, again, collate([*self.fresh.rows(some), *self.known.rows(again)]))

    def rows(self, step: Step) -> list[Row]:
        """The rows of a step's edits."""
        return [*self.fresh.rows(step.fresh), *self.known.rows(step.known)]

    def mark(self, step: Step, right: Sequence[bool], now: int) -> None:
        """Take in which rows of a step were right, in their order."""
        cut = len(step.fresh)
        for agenda, picks, marks in ((self.agenda, step.fresh, right[:cut]), (self.rehearsal, step.known, right[cut:])):
            seen: dict[int, bool] = {}
            for (number, _), good in zip(picks, marks, strict=True):
                seen[number] = seen.get(number, True) and good
            for number, good in seen.items():
                agenda.mark(number, now, right=good)

    def features(self) -> Tensor:
        """A(x) of the edits' tokens, bare and behind one other view, and of the earlier ones', ``(N, d_ff)``."""
        picks = self.sample()
        return torch.cat([*self.fresh.features(picks), *self.known.features(self.known.bare)])

    def sample(self) -> list[Pick]:
        """Each edit of the lesson bare, and behind one other view."""
        more = [(number, self._other(self.fresh, number)) for number in range(len(self.fresh))]
        return [*self.fresh.bare, *(pick for pick in more if pick[1])]

    def _view(self, sheet: Sheet, number: int) -> int:
        return 0 if self._chooser.random() < 0.5 else self._other(sheet, number)

    def _other(self, sheet: Sheet, number: int) -> int:
        return self._chooser.randrange(1, sheet.views(number)) if sheet.views(number) > 1 else 0


def _borrowed(
    base: PreparedModel, config: KeyedSettings, lesson: Sequence[Edit], earlier: Sequence[Edit], count: int
) -> list[tuple[str, ...]]:
    if base.asked is None or not config.keyed or not count:
        return [()] * len(lesson)
    asked = base.asked([edit.prompt for edit in (*lesson, *earlier)])
    found = wordings(lesson, earlier, asked, count)
    # A passage lacks room as it is: behind other prompts too, fewer are learned.
    return [some if places(edit) == 1 else () for edit, some in zip(lesson, found, strict=True)]


def repairs(earlier: int, fresh: int) -> bool:
    """Whether a lesson of ``fresh`` edits behind ``earlier`` ones also learns again what was lost: now and then."""
    return (earlier + fresh) // _WHOLE > earlier // _WHOLE


def rehearsed(earlier: Sequence[Edit], fresh: int, chooser: Random) -> Sequence[Edit]:
    """The earlier edits that a lesson of ``fresh`` edits repeats, and answers for.

    All that a shard of moderate size holds: what a lesson undoes and doesn't see stays undone until the next repair,
    and in a full shard for good. Of more, so many that a stream that arrives one by one need not pay for the whole
    shard with each edit.
    """
    if repairs(len(earlier), fresh):
        return earlier
    chosen = chooser.sample(range(len(earlier)), min(len(earlier), _REHEARSED))
    return [earlier[number] for number in sorted(chosen)]
