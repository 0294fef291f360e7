"""Everything that is looked at, in its order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from wisedb.doctor.check import NOTE, OK, WARNING, WRONG, Check
from wisedb.doctor.machine import machine
from wisedb.doctor.model import base_model
from wisedb.doctor.place import place
from wisedb.doctor.software import software
from wisedb.errors import NotAStore, WisedbError
from wisedb.signing.verdict import Trust

if TYPE_CHECKING:
    from wisedb.store.store import Store


def examine(
    start: Path, find: Callable[[], Store], *, who: str | None, trust: Trust, base: str | None = None
) -> list[Check]:
    """Look at everything that wisedb needs. What can't be looked at is a check that is ``wrong``.

    Args:
        start: where a store is looked for, upward.
        find: opens the store there, as the other commands do; raises where there is none that they would use.
        who: who commits, ``None`` where nobody said.
        trust: whose signatures count.
        base: where the base model is said to be, if not where the store says.
    """
    found = [*software(), _identity(who)]
    try:
        store = find()
    except NotAStore as error:
        nowhere = Check("store", NOTE, error.message, error.hint)
        return [*found, *machine(start, trust), nowhere]
    except WisedbError as error:
        broken = Check("store", WRONG, error.message, error.hint)
        return [*found, *machine(start, trust), broken]
    return [*found, *machine(store.root, trust), *place(store), base_model(store, base)]


def _identity(who: str | None) -> Check:
    if who is None:
        hint = '`wisedb config --global user.name "Your Name"`, and user.email.'
        return Check("identity", WARNING, "nobody said who commits here", hint)
    return Check("identity", OK, who)
