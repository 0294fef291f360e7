"""The content-addressed store behind Xet: xorbs full of chunks, and files as runs of chunks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tests.hub.storage import sha256
from tests.hub.xet_formats import Chunk, Term, XetFile, shard_files, unpack, xorb_chunks


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token of the store allows, and for which repository the Hub gave it out to whom."""

    scope: Literal["read", "write"]
    repo_id: str
    user: str


@dataclass(slots=True)
class Cas:
    """The store. Xorb hashes are believed (they are BLAKE3); what a file is made of is proven by its SHA-256.

    Attributes:
        xorbs: hash → the xorb as it was uploaded.
        files: Xet hash → what the file is made of.
        grants: token → what it allows.
    """

    xorbs: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, XetFile] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    _chunks: dict[str, list[Chunk]] = field(default_factory=dict)

    def put_xorb(self, name: str, xorb: bytes) -> bool:
        """Keep a xorb; False where it is here already. Raises ValueError where it isn't well-formed."""
        self._chunks[name] = xorb_chunks(xorb)
        return self.xorbs.setdefault(name, xorb) is xorb

    def chunks(self, xorb: str) -> list[Chunk]:
        return self._chunks[xorb]

    def put_shard(self, shard: bytes) -> dict[XetFile, bytes]:
        """Register the files of a shard, with their content put together.

        Raises:
            ValueError: a file is made of chunks that aren't here, or isn't what its SHA-256 says.
        """
        found: dict[XetFile, bytes] = {}
        for file in shard_files(shard):
            content = b"".join(self._content(term) for term in file.terms)
            if sha256(content) != file.sha256:
                raise ValueError(f"{file.hash} has another SHA-256 than {file.sha256}")
            found[file] = content
        self.files.update({file.hash: file for file in found})
        return found

    def _content(self, term: Term) -> bytes:
        chunks = self._chunks.get(term.xorb, [])[term.start : term.stop]
        if len(chunks) != term.stop - term.start:
            raise ValueError(f"no chunks {term.start} to {term.stop} in xorb {term.xorb}")
        content = b"".join(unpack(self.xorbs[term.xorb], chunk) for chunk in chunks)
        if len(content) != term.size:
            raise ValueError(f"chunks {term.start} to {term.stop} of xorb {term.xorb} aren't {term.size} bytes")
        return content
