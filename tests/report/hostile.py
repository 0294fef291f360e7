"""A report whose every text tries to be more than text."""

from __future__ import annotations

from typing import Final

from wisedb.edits import Edit
from wisedb.report.contents import Answers, CommitRow, Report, Taken
from wisedb.signing.verdict import UNSIGNED
from wisedb.store.fsck import FsckReport, Problem

TEXTS: Final = (
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "</style><img src=x onerror=alert(3)>",
    '" onmouseover="alert(4)" x="',
    "' onfocus='alert(5)' autofocus='",
    "<svg/onload=alert(6)>",
    "</td></tr></table><iframe src=javascript:alert(7)>",
    "<!--<script>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(8)",
    "&lt;b&gt;&amp;",
    "<meta http-equiv=refresh content=0;url=http://example.org>",
    "<base href=http://example.org>",
    "<details open ontoggle=alert(9)>",
)
"""What each field holds in turn; none may become an element or an attribute."""

SPOOF: Final = "safe\u202etxt.exe\u0007"
"""A text that turns its own direction, and rings."""

FORMULAS: Final = (
    "=1+1",
    "+1",
    "-1+cmd|' /C calc'!A0",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    " =1",
    "\n=1",
    "\uff1d1",
    "\ufeff=1",
)
"""What a spreadsheet may run."""

COMMIT: Final = "c" * 64


def hostile_report(texts: tuple[str, ...] = TEXTS, *, ok: bool = False, asked: int | None = 1) -> Report:
    """One fact for each text, which stands in all of its fields, and the same for commits and the rest."""
    edits = [Edit(f"{text} {n}", text, text, text, (text,), (), text, text, (text,)) for n, text in enumerate(texts)]
    facts = [
        {**edit.to_json(), "commit": COMMIT, "author": text, "date": "2026-01-01T00:00:00Z"}
        for edit, text in zip(edits, texts, strict=True)
    ]
    commits = tuple(
        CommitRow(
            number=n,
            commit=f"{n:064x}",
            parents=(COMMIT,),
            author=text,
            date="2026-01-01T00:00:00Z",
            message=text,
            added=1,
            reverted=0,
            unlearned=0,
            editor={"name": text, "settings": {}, "seed": 0, "resources": {}},
            made_with={text: text},
            bytes=10,
            scores={text: {"reliability": 0.5, "seconds": 1.0, "how_asked": {text: {"n": 2, "right": 0.5}}}},
            base="f",
            signature={**UNSIGNED.to_json(), "signed": n % 2 == 0, "signer": text, "key": text, "detail": text},
        )
        for n, text in enumerate(texts, 1)
    )
    return Report(
        rev=texts[0],
        commit=COMMIT,
        made="2026-01-02T00:00:00Z",
        base={"model": texts[0], "revision": None, "fingerprint": "f", "weights": "w", "tokenizer": "t"},
        facts=facts,
        commits=commits,
        taken=tuple(
            Taken(edit, COMMIT, text, "2026-01-01T00:00:00Z", text, None if n % 2 else edit)
            for n, (edit, text) in enumerate(zip(edits, texts, strict=True))
        ),
        reflog=[
            {"ref": "HEAD", "from": None, "to": COMMIT, "date": "2026-01-01T00:00:00Z", "action": text, "who": text}
            for text in texts
        ],
        integrity=FsckReport((), 3)
        if ok
        else FsckReport(tuple(Problem("stray-file", text, text) for text in texts), 3),
        answers={edit.id: Answers(text, text, text, text) for edit, text in zip(edits, texts, strict=True)},
        asked=asked,
        tags=[
            {**UNSIGNED.to_json(), "name": text, "object": text, "commit": COMMIT, "who": text, "signer": text}
            for text in texts
        ],
    )
