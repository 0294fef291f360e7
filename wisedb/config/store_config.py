"""``.wisedb/config.toml``: base model, editor, remotes and preferences of a store."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import tomli_w

from wisedb.config.base_model import BaseModel
from wisedb.config.editor_choice import EditorChoice, modern
from wisedb.config.records import text_of, without_none
from wisedb.errors import CorruptObject, FormatTooNew
from wisedb.preferences import Preference, flatten, nest

FORMAT = 2
"""The version of the store's layout. A store with a larger one is refused, never guessed at."""


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """``.wisedb/config.toml``.

    Attributes:
        base: the base model.
        editor: the defaults for the next commits.
        remotes: name → URL.
        promised: the remote that a lazy clone fetches the blobs of old memories from when they are needed.
        trust_remote_code: whether the base model may run the Python files that lie beside it. It is
            in no commit and no pack, and counts only for code that the user of this machine has allowed.
        accepted: fingerprints of base models that the user took the present one in the place of; what was made for
            them is taken as made for it.
        preferences: dotted key → value; see :mod:`wisedb.preferences`.
    """

    base: BaseModel
    editor: EditorChoice = field(default_factory=EditorChoice)
    remotes: Mapping[str, str] = field(default_factory=dict)
    promised: str | None = None
    trust_remote_code: bool = False
    accepted: tuple[str, ...] = ()
    preferences: Mapping[str, Preference] = field(default_factory=dict)

    def fits(self, base: BaseModel) -> bool:
        """Whether what was made for a base model belongs into this store."""
        return base.fingerprint in (self.base.fingerprint, *self.accepted)

    def to_toml(self) -> bytes:
        """The file's bytes."""
        document: dict[str, Any] = {
            "format": FORMAT,
            "base": without_none(self.base.to_json()),
            "editor": without_none(self.editor.to_json()),
            "remotes": dict(self.remotes),
        }
        if self.promised is not None:
            document["promised"] = {"remote": self.promised}
        if self.trust_remote_code or self.accepted:
            document["local"] = {"trust_remote_code": self.trust_remote_code, "accepted": list(self.accepted)}
        if self.preferences:
            document["config"] = nest(self.preferences)
        return tomli_w.dumps(document).encode()

    @classmethod
    def from_toml(cls, data: bytes, name: str = "config.toml") -> StoreConfig:
        """Read what :meth:`to_toml` wrote.

        Raises:
            FormatTooNew: a newer wisedb wrote it.
            CorruptObject: it is not TOML or lacks what it must have.
        """
        try:
            document = tomllib.loads(data.decode())
            version = document["format"]
            if version > FORMAT:
                raise FormatTooNew(
                    f"{name} has format {version}, this wisedb reads up to {FORMAT}", hint="Upgrade wisedb."
                )
            base, editor = modern(
                BaseModel.from_json(document["base"]),
                EditorChoice.from_json({"settings": {}, **_with_pool(document["editor"], version)}),
            )
            local = document.get("local", {})
            return cls(
                base,
                editor,
                {name: text_of(document["remotes"], name) for name in document.get("remotes", {})},
                text_of(document["promised"], "remote") if "promised" in document else None,
                local.get("trust_remote_code", False) is True,
                tuple(str(each) for each in local.get("accepted", ())),
                flatten(document.get("config", {})),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CorruptObject(
                f"{name} can't be read: {error}", hint="Restore the file from a backup, or clone the store again."
            ) from error


def _with_pool(editor: Mapping[str, Any], version: int) -> Mapping[str, Any]:
    # TOML writes neither a null nor an empty table's absence: a format 2 store without resources has an empty one.
    return {"resources": {}, **editor} if version > 1 else editor
