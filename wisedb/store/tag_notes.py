"""What annotated tags say: who made one, when and why. A note stands beside the tag, and travels with it.

As in git, a tag's signature is the end of its message: readers that know nothing of it show it, and lose none of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from wisedb.canonical import canonical_json
from wisedb.errors import CorruptObject
from wisedb.store.files import Disk
from wisedb.store.lock import StoreLock

_SIGNATURE: Final = re.compile(r"^-----BEGIN (SSH|PGP) SIGNATURE-----$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class TagNote:
    """The note of one tag.

    Attributes:
        commit: the commit that it was written for: of a tag that moved since, it says nothing.
        tagger: who made the tag.
        date: when, ISO 8601 in UTC.
        message: why.
    """

    commit: str
    tagger: str
    date: str
    message: str

    @property
    def text(self) -> str:
        """The message without a signature."""
        return self.message[: self._signed_from].rstrip("\n")

    @property
    def signature(self) -> str | None:
        """The armoured signature, ``None`` where nobody signed."""
        return self.message[self._signed_from :] or None

    @property
    def _signed_from(self) -> int:
        found = _SIGNATURE.search(self.message)
        return len(self.message) if found is None else found.start()

    def payload(self, tag: str) -> bytes:
        """What a signature is over: the tag's name, and all fields but the signature itself."""
        return canonical_json({"tag": tag, **self.record(), "message": self.text})

    def signed(self, tag: str, sign: Callable[[bytes], str]) -> TagNote:
        """The note with a signature of it behind its message."""
        return replace(self, message=f"{self.text}\n{sign(self.payload(tag))}")

    def to_json(self) -> dict[str, Any]:
        """``{"tagger", "date", "message"}``, the message without a signature, and ``"signed"`` where there is one."""
        told: dict[str, Any] = {"tagger": self.tagger, "date": self.date, "message": self.text}
        return told | ({} if self.signature is None else {"signed": True})

    def record(self) -> dict[str, str]:
        """All fields, as they are kept."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> TagNote:
        """What :meth:`record` gave.

        Raises:
            KeyError, TypeError: it is none.
        """
        texts = [record[name] for name in ("commit", "tagger", "date", "message")]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("a field is no text")
        return cls(*texts)


@dataclass(frozen=True, slots=True)
class TagNotes:
    """``tag-notes/``: a file for each annotated tag.

    Attributes:
        folder: the folder.
        lock: held during every change.
        disk: how files are written.
    """

    folder: Path
    lock: StoreLock
    disk: Disk

    def read(self, tag: str) -> TagNote | None:
        """A tag's note, ``None`` where there is none.

        Raises:
            CorruptObject: it can't be read.
        """
        data = self.disk.read_if_there(self._path(tag))
        if data is None:
            return None
        try:
            return TagNote.from_record(json.loads(data))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise CorruptObject(
                f"the note of tag '{tag}' is damaged: {error}", hint=f"Make it anew: `wisedb tag -f -a {tag} -m MSG`."
            ) from error

    def write(self, tag: str, note: TagNote | None) -> None:
        """Replace a tag's note; ``None`` deletes it.

        Raises:
            StoreBusy, StoreNotWritable, NoSpace: the old one is still there.
        """
        with self.lock.hold("writing a tag's note"):
            if note is None:
                self.disk.remove(self._path(tag))
            else:
                self.disk.write(self._path(tag), canonical_json(note.record()) + b"\n")

    def _path(self, tag: str) -> Path:
        # As with reflogs, the suffix keeps the note of 'a' apart from the folder of 'a/b'.
        return self.folder / f"{tag}.json"
