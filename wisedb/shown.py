"""An edit's prompt as people read it. Nothing is imported: the command line wants this before anything else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BEHIND = " › "


def shown_messages(record: Mapping[str, Any]) -> str:
    """The conversation before the prompt of an edit's JSON record, nothing without one."""
    return _BEHIND.join(f"{each['role']}: {each['content']}" for each in record.get("messages", ()))


def shown_prompt(record: Mapping[str, Any]) -> str:
    """The prompt of an edit's JSON record, behind its conversation."""
    before = shown_messages(record)
    return f"{before}{_BEHIND}{record['prompt']}" if before else str(record["prompt"])
