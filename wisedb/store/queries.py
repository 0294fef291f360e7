"""What the history's queries need of a store."""

from __future__ import annotations

from typing import Protocol

from wisedb.store.index import Index
from wisedb.store.objects import Objects
from wisedb.store.refs import Refs
from wisedb.store.scores import Scores
from wisedb.store.tag_notes import TagNotes


class Source(Protocol):
    """A store, as far as queries look at it."""

    @property
    def objects(self) -> Objects:
        """Blobs and commits."""
        ...

    @property
    def scores(self) -> Scores:
        """Evaluations by commit."""
        ...

    @property
    def refs(self) -> Refs:
        """Branches, tags, HEAD and their logs."""
        ...

    @property
    def tag_notes(self) -> TagNotes:
        """What annotated tags say."""
        ...

    @property
    def index(self) -> Index:
        """The index, which repairs itself."""
        ...

    def resolve(self, revision: str) -> str:
        """The id of the commit that a revision names."""
        ...
