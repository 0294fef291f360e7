"""wisedb: git for what a language model knows."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from wisedb.post_import import after_import

if TYPE_CHECKING:
    from wisedb.edits import ChatMessage, Edit, LocalityPrompt
    from wisedb.errors import WisedbError
    from wisedb.loading import load
    from wisedb.repository import Repository

__all__ = ["ChatMessage", "Edit", "LocalityPrompt", "Repository", "WisedbError", "__version__", "load"]

__version__ = "0.1.0"

# Each public name and the module that holds it: `import wisedb` must stay light, torch comes with the first model.
_HOMES = {
    "ChatMessage": "wisedb.edits",
    "Edit": "wisedb.edits",
    "LocalityPrompt": "wisedb.edits",
    "Repository": "wisedb.repository",
    "WisedbError": "wisedb.errors",
    "load": "wisedb.loading",
}

# peft has no plugins. Where both are imported, in whatever order, peft knows wisedb's adapters.
after_import("peft", "wisedb.export.peft.register", "register")


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'wisedb' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
