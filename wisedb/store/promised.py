"""What a lazy clone was promised, and who keeps it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from wisedb.errors import MissingObject


@dataclass(slots=True)
class Promise:
    """Who keeps what a lazy clone was promised.

    Attributes:
        fetch: stores the payloads of these blobs, or raises; ``None`` where nobody is set to do so.
    """

    fetch: Callable[[Collection[str]], None] | None = None

    def keep(self, blob_ids: Collection[str]) -> None:
        """Have the payloads of some promised blobs, at least one, fetched.

        Raises:
            MissingObject: nobody is there to fetch them.
            WisedbError: what the remote says.
        """
        if self.fetch is None:
            first = next(iter(blob_ids))
            raise MissingObject(
                f"blob {first[:12]} is only promised: its content is on the remote that this store is a clone of",
                hint="Open the store with `Repository.open`, or clone it without --lazy.",
            )
        self.fetch(blob_ids)
