"""Applying decisions: which memory changes what a module gives, for each sequence or position.

Everything here is a function of tensors, on their device; the host looks at values only where it is told that it may.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from wisedb.errors import UsageError
from wisedb.memory.bank import Bank
from wisedb.memory.kinds.base import PlacedChange
from wisedb.memory.slots import BASE, SlotTable


class Scope(NamedTuple):
    """Which tokens a decision may see.

    Attributes:
        seen: bool (B, T): the tokens that count.
        held: bool (B,): rows whose prompt is known: one decision, taken over all that is seen, for the whole row. In
            the others each position decides over the tokens up to it.
        single: whether all rows are held, known without a look at the device.
    """

    seen: Tensor
    held: Tensor
    single: bool = False


def combine(output: Tensor, slots: Tensor, added: Tensor) -> Tensor:
    """The module's output with the memory's part where a memory answers, untouched to the bit elsewhere."""
    answers = (slots != BASE)[..., None]
    return torch.where(answers, output + added.to(output.dtype), output)


def answer(
    output: Tensor, inputs: Tensor, slots: Tensor, bank: Bank, *, may_sync: bool, prompt_end: Tensor | None = None
) -> Tensor:
    """The module's output with the memory's that answers, untouched to the bit elsewhere.

    Args:
        output: what the module gave, (B, T, d_out).
        inputs: what entered it, (B, T, d_in).
        slots: int64 (B, T), the slots that answer.
        bank: the memories at the module.
        may_sync: whether the host may look at the slots, so that only what answers is computed; otherwise every memory
            is, and the device picks.
        prompt_end: int64 (B,): from which token on codebooks answer; None for all.
    """
    numbers = bank.slot_table.memories(slots)
    asked = torch.unique(numbers).tolist() if may_sync else bank.here
    for number in bank.here:
        if number in asked and bank.memories[number].change.entries:
            entry = (slots - bank.slot_table.first[number]).clamp(0, bank.slot_table.sizes[number] - 1)
            here = (numbers == number)[..., None]
            if prompt_end is not None and bank.by_distance(number):
                here = here & _from(prompt_end, output)
            output = torch.where(here, bank.apply(number, inputs, output, entry), output)
    return output


def _from(prompt_end: Tensor, output: Tensor) -> Tensor:
    """bool (B, T, 1): the tokens from ``prompt_end`` (B,) on."""
    return (torch.arange(output.shape[1], device=output.device) >= prompt_end[:, None])[..., None]


class HostSlots:
    """Routes that are known on the host: only the memories that answer are computed, each for its own rows.

    Args:
        slots: one a sequence, :data:`BASE` or a slot.
        slot_table: how slots are counted.
    """

    def __init__(self, slots: Sequence[int], slot_table: SlotTable) -> None:
        self.slots = list(slots)
        self._slot_table = slot_table
        self._idle: bool | None = None
        self._rows: dict[int, Tensor] = {}
        self._entries: dict[int, Tensor] = {}
        self._for: tuple[int, torch.device] | None = None
        # Held as long as the slot is, so that a matrix is made once for all steps.
        self._placed: dict[tuple[str, int], PlacedChange] = {}

    @property
    def idle(self) -> bool:
        """Whether no memory answers."""
        # Not before it is asked for: while a compiler traces the first forward the numbers aren't known yet.
        if self._idle is None:
            self._idle = all(slot == BASE for slot in self.slots)
        return self._idle

    def apply(
        self,
        output: Tensor,
        inputs: Tensor,
        bank: Bank,
        prompt_end: Tensor | None = None,
        answered: Tensor | None = None,
    ) -> Tensor:
        """The module's output with each row's memory.

        B may be a multiple of the slots: each sequence then stands for as many rows, one after the other, as beams
        and returned sequences do.

        Args:
            output: what the module gave, (B, T, d_out).
            inputs: what entered it, (B, T, d_in).
            bank: the memories at the module.
            prompt_end: int64 (B,): from which token on codebooks answer; None for all.
            answered: bool (B, T): where memories answer; None for everywhere.
        """
        if answered is not None:
            if output.device.type == "cpu" and not bool(answered.any()):
                return output
            return torch.where(answered[..., None], self.apply(output, inputs, bank, prompt_end), output)
        self._spread(output.shape[0], output.device)
        for number, rows in self._rows.items():
            if number not in bank.here:
                continue
            if not bank.complete and (bank.module, number) not in self._placed:
                bank.place(inputs.device, inputs.dtype)
                self._placed[bank.module, number] = bank.placed(number)
            whole = len(rows) == output.shape[0]
            here = output if whole else output[rows]
            answered = bank.apply(number, inputs if whole else inputs[rows], here, self._entries[number])
            if prompt_end is not None and bank.by_distance(number):
                answered = torch.where(_from(prompt_end[rows], here), answered, here)
            if whole:
                return answered
            output = output.index_copy(0, rows, answered)
        return output

    def expanded(self, rows: int) -> list[int]:
        """The slot of each of ``rows`` rows.

        Raises:
            UsageError: the rows are no multiple of the slots.
        """
        times, rest = divmod(rows, max(1, len(self.slots)))
        if rest or not self.slots:
            raise UsageError(
                f"{len(self.slots)} routes were given for a batch of {rows} rows", hint="Give one route a sequence."
            )
        return [slot for slot in self.slots for _ in range(times)]

    def _spread(self, rows: int, device: torch.device) -> None:
        if self._for == (rows, device):
            return
        slots = self.expanded(rows)
        numbers = [self._slot_table.memory(slot) for slot in slots]
        for number in sorted(set(numbers) - {BASE}):
            chosen = [row for row, other in enumerate(numbers) if other == number]
            entries = [[slots[row] - self._slot_table.first[number]] for row in chosen]
            self._rows[number] = torch.tensor(chosen, device=device)
            self._entries[number] = torch.tensor(entries, device=device)
        self._for = (rows, device)
