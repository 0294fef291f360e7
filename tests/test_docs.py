"""README and tutorial are run as they stand: every command, every block of Python, and what they show."""

from __future__ import annotations

import re
import runpy
from contextlib import chdir
from pathlib import Path

import pytest

from tests.documents import SETUP, blocks, missing, run_quickly, steps

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "docs" / "tutorial.md",
    ROOT / "docs" / "sharing.md",
    ROOT / "docs" / "failures.md",
    ROOT / "docs" / "python-api.md",
    ROOT / "docs" / "audit.md",
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@pytest.mark.timeout(900)
def test_every_command_and_block_of_the_page_runs(page: Path, tmp_path: Path) -> None:
    ran = 0
    for block in blocks(page, "console"):
        for step in steps(block):
            if step.command.startswith(SETUP):
                continue
            done = run_quickly(step.command, tmp_path)
            # A page shows a failure by its error line; everything else must succeed.
            fails = any(line.startswith("error:") for line in step.expected)
            assert (done.returncode != 0) == fails, f"$ {step.command}\n{done.stdout}"
            assert not missing(step, done.stdout), f"$ {step.command}\n{done.stdout}"
            ran += 1
    for block in blocks(page, "python"):
        script = tmp_path / "block.py"
        script.write_text(block, encoding="utf-8")
        with chdir(tmp_path):
            runpy.run_path(script.name, run_name="__main__")
        ran += 1
    assert ran > 0


@pytest.mark.parametrize("page", sorted({ROOT / "README.md", *(ROOT / "docs").rglob("*.md")}), ids=lambda p: p.name)
def test_links_between_the_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
