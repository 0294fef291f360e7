"""Tell peft of the method. peft keeps its methods in dictionaries and has no public way in: the tests pin these."""

from __future__ import annotations

from peft import mapping

from wisedb.export.peft.config import METHOD, PREFIX, MemoryConfig
from wisedb.export.peft.model import MemoryTuner


def register() -> None:
    """Enter the method in peft's dictionaries; once more does no harm."""
    mapping.PEFT_TYPE_TO_CONFIG_MAPPING[METHOD] = MemoryConfig
    mapping.PEFT_TYPE_TO_TUNER_MAPPING[METHOD] = MemoryTuner
    mapping.PEFT_TYPE_TO_PREFIX_MAPPING[METHOD] = PREFIX
