"""The machine: room on the disks, the accelerator, the Hub's token, the programs that sign."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from platformdirs import user_cache_dir

from wisedb.doctor.check import NOTE, OK, WARNING, WRONG, Check
from wisedb.signing.verdict import Trust

SCARCE: Final = 1 << 30
"""Bytes of free room below which one should look: a base model's key statistics and a few memories fill them."""

FULL: Final = 16 << 20
"""Bytes of free room below which a commit may not land."""


def machine(folder: Path, trust: Trust) -> Iterator[Check]:
    """Room, accelerator, token and programs.

    Args:
        folder: where the store is or would be.
        trust: names the programs that check signatures.
    """
    yield _room("disk", folder)
    yield _room("cache", Path(user_cache_dir("wisedb", appauthor=False)))
    yield _accelerator()
    yield _token()
    yield _programs(trust)


def _room(name: str, folder: Path) -> Check:
    there = next((each for each in (folder, *folder.absolute().parents) if each.is_dir()), Path("/"))
    free = shutil.disk_usage(there).free
    told = f"{free / 1e9:.1f} GB free at {there}"
    if not os.access(there, os.W_OK):
        return Check(name, WARNING, f"{told}, and it is read-only for you", "Nothing can be committed or kept there.")
    if free < FULL:
        return Check(name, WRONG, told, "Make room: a commit writes some megabytes. `wisedb gc --prune` may help.")
    if free < SCARCE:
        return Check(name, WARNING, told, "Make room before you train more.")
    return Check(name, OK, told)


def _accelerator() -> Check:
    import torch

    if torch.cuda.is_available():
        count = torch.cuda.device_count()
        parts = [torch.cuda.get_device_properties(place) for place in range(count)]
        return Check("gpu", OK, ", ".join(f"{each.name}, {each.total_memory / 1e9:.0f} GB" for each in parts))
    return Check("gpu", NOTE, f"none that torch can use; it computes on the CPU, {torch.get_num_threads()} threads")


def _token() -> Check:
    from huggingface_hub import get_token

    if get_token():
        return Check("hub token", OK, "there is one")
    return Check(
        "hub token", NOTE, "there is none", "Only private or gated models and pushes need it: `hf auth login`."
    )


def _programs(trust: Trust) -> Check:
    found = [name for name in (trust.ssh, trust.gpg) if shutil.which(name)]
    if not found:
        return Check("signing", NOTE, f"neither {trust.ssh} nor {trust.gpg} is here", "Only signatures need them.")
    whom = "no file of allowed signers is set" if trust.signers is None else f"allowed signers: {trust.signers}"
    if trust.signers is not None and not trust.signers.is_file():
        return Check(
            "signing", WARNING, f"there is no file {trust.signers}", "`wisedb config --global --list` shows it."
        )
    return Check("signing", OK, f"{', '.join(found)}; {whom}")
