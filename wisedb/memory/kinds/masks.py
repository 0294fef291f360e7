"""The random masks that split the projection into subspaces, and their packed form.

WISE §2.3.2: "k random masks with mask ratio ρ". A mask says which entries of ΔW (d_ff, d_model) one shard may change.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from wisedb.errors import CorruptObject, UsageError


def random_mask(shape: tuple[int, int], ratio: float, seed: int) -> torch.Tensor:
    """Draw a mask whose entries are True with probability ``ratio`` each, independently.

    numpy's PCG64 draws it, because its stream is the same on every machine.

    Args:
        shape: (d_ff, d_model).
        ratio: ρ, above 0 and at most 1.
        seed: any non-negative number; equal seeds give equal masks.

    Returns:
        bool (d_ff, d_model), with one True entry at least.

    Raises:
        UsageError: the ratio or the seed is out of range.
    """
    if not 0.0 < ratio <= 1.0:
        raise UsageError(f"a mask ratio of {ratio} is not possible", hint="Choose a ratio above 0 and at most 1.")
    if seed < 0:
        raise UsageError(f"a seed of {seed} is not possible", hint="Choose a seed of 0 or more.")
    draws = np.random.Generator(np.random.PCG64(seed)).random(shape, dtype=np.float32)
    mask = draws < np.float32(ratio)
    # A shard without entries could learn nothing; only tiny shapes come here.
    mask.flat[int(draws.argmin())] = True
    return torch.from_numpy(mask)


def pack(mask: torch.Tensor) -> torch.Tensor:
    """The mask's bits, eight a byte, row-major, the first bit highest (numpy's ``packbits`` order): uint8 (n/8,)."""
    return torch.from_numpy(np.packbits(mask.cpu().numpy().reshape(-1)))


def unpack(packed: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """The mask that :func:`pack` took: bool (d_ff, d_model).

    Raises:
        CorruptObject: the bytes are not as many as the shape needs, or the bits after the last entry are set.
    """
    entries = shape[0] * shape[1]
    if packed.dtype != torch.uint8 or packed.numel() != (entries + 7) // 8:
        raise CorruptObject(
            f"a mask of {shape[0]} x {shape[1]} entries needs {(entries + 7) // 8} bytes, not {packed.numel()}",
            hint="Run `wisedb fsck`.",
        )
    bits = np.unpackbits(packed.cpu().numpy())
    if bits[entries:].any():
        raise CorruptObject("a mask has bits set after its last entry", hint="Run `wisedb fsck`.")
    return torch.from_numpy(bits[:entries].view(bool).reshape(shape))


@dataclass(frozen=True, slots=True, eq=False)
class PackedMask:
    """A mask as a memory keeps it: an eighth of a byte an entry.

    Positions would take more from a ratio of 1/16 (in two bytes each) or 1/32 (in four) upwards.

    Attributes:
        bits: uint8 (⌈d_ff · d_model / 8⌉,), what :func:`pack` gives, on the CPU.
        shape: (d_ff, d_model).
        entries: how many are True.
    """

    bits: torch.Tensor
    shape: tuple[int, int]
    entries: int

    @classmethod
    def of(cls, mask: torch.Tensor) -> PackedMask:
        """That of a mask, bool (d_ff, d_model)."""
        rows, columns = mask.shape
        return cls(pack(mask), (rows, columns), int(np.count_nonzero(mask.cpu().numpy())))

    @classmethod
    def read(cls, bits: torch.Tensor, shape: tuple[int, int]) -> PackedMask:
        """That of bits from a file.

        Raises:
            CorruptObject: as :func:`unpack`.
        """
        return cls(bits, shape, int(np.count_nonzero(unpack(bits, shape).numpy())))

    def unpacked(self, device: torch.device) -> torch.Tensor:
        """The mask, bool (d_ff, d_model), on a device; an accelerator gets the bits and unpacks them itself."""
        rows, columns = self.shape
        if device.type == "cpu":
            bits = np.unpackbits(self.bits.numpy(), count=rows * columns)
            return torch.from_numpy(bits.view(bool).reshape(self.shape))
        shifts = torch.arange(7, -1, -1, dtype=torch.uint8, device=device)
        spread = (self.bits.to(device)[:, None] >> shifts) & 1
        return spread.reshape(-1)[: rows * columns].bool().reshape(self.shape)
