"""wisedb's memories as a PEFT method: a configuration, a layer and a tuner, as each method in ``peft.tuners`` has.

``import wisedb`` is all that a user types: peft is told of the method as soon as both are imported
(:mod:`wisedb.post_import`). ``PeftModel.from_pretrained``, ``AutoPeftModelForCausalLM.from_pretrained`` and the plain
``AutoModelForCausalLM.from_pretrained`` of transformers then open what ``wisedb export --format peft`` writes.
"""

from __future__ import annotations

# First, whole: importing peft registers the method, which imports modules of this package.
import peft as _peft

__all__ = ["_peft"]
