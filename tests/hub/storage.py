"""The object storage behind the Hub, on a server of its own: signed URLs instead of tokens, objects by SHA-256."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass(slots=True)
class Storage:
    """Objects, and the parts of those that are still on their way up.

    Attributes:
        objects: SHA-256 → content.
        parts: SHA-256 → number of the part, from 1 → content.
        xet: SHA-256 → Xet hash of the objects that came through Xet.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)
    xet: dict[str, str] = field(default_factory=dict)

    def put(self, oid: str, content: bytes) -> bool:
        """Keep an object; False where the bytes aren't what the name says."""
        if sha256(content) != oid:
            return False
        self.objects[oid] = content
        return True

    def put_part(self, oid: str, number: int, content: bytes) -> str:
        """Keep a part and give its ETag."""
        self.parts.setdefault(oid, {})[number] = content
        return hashlib.md5(content, usedforsecurity=False).hexdigest()

    def join(self, oid: str) -> bool:
        """Put the parts of an object together."""
        parts = self.parts.pop(oid, {})
        return self.put(oid, b"".join(parts[number] for number in sorted(parts)))
