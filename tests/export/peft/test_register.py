"""PEFT knows the method once wisedb is imported, and names it where it isn't."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.stores import AUSTRALIA


@pytest.mark.parametrize(
    "imports",
    ["import wisedb, transformers, peft", "import transformers, peft, wisedb", "import wisedb.serving.load, peft"],
)
def test_import_wisedb_is_all_that_must_be_typed(imports: str, adapter: Path) -> None:
    code = f"""
{imports}
from peft import AutoPeftModelForCausalLM
from transformers import AutoModelForCausalLM, AutoTokenizer
for kind in (AutoModelForCausalLM, AutoPeftModelForCausalLM):
    model = kind.from_pretrained({str(adapter)!r})
    tokenizer = AutoTokenizer.from_pretrained(model.config._name_or_path)
    batch = tokenizer({AUSTRALIA.prompt!r}, return_tensors="pt")
    ids = model.generate(**batch, max_new_tokens=6, do_sample=False)
    print(tokenizer.decode(ids[0, batch["input_ids"].shape[1]:], skip_special_tokens=True).strip())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [AUSTRALIA.target] * 2


def test_without_wisedb_the_error_names_it(adapter: Path) -> None:
    code = f"from transformers import AutoModelForCausalLM as A\nA.from_pretrained({str(adapter)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.strip().splitlines()[-1] == "KeyError: 'WISEDB'"
