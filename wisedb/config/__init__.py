"""What a store is configured with: base model, editor, remotes; and its TOML form."""

from __future__ import annotations

from wisedb.config.base_model import BaseModel, Function
from wisedb.config.editor_choice import DEFAULT_EDITOR, POOL, EditorChoice, Setting, modern, read_setting
from wisedb.config.store_config import FORMAT, StoreConfig

__all__ = [
    "DEFAULT_EDITOR",
    "FORMAT",
    "POOL",
    "BaseModel",
    "EditorChoice",
    "Function",
    "Setting",
    "StoreConfig",
    "modern",
    "read_setting",
]
