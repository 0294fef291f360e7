"""``wisedb add``: stage the edits of files."""

from __future__ import annotations

from pathlib import Path

from .options import command, files_argument
from .session import Session
from .status import situation


@command("wisedb add corrections.jsonl", "wisedb add zsre.json counterfact.json")
@files_argument(required=True)
def add(session: Session, files: tuple[Path, ...]) -> None:
    """Stage every edit of the files.

    JSON, JSON lines, CSV and Parquet are read, in wisedb's own layout or that of ZsRE, CounterFact, KnowEdit,
    WikiBigEdit or QAEdit, or as conversations {"messages": [...]}, whose last answer is taught. A file with a bad
    record names it, and nothing is staged.
    """
    session.show(session.repository().add(list(files)).to_json(), situation)
